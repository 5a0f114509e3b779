/** What presence of rooms is set to, and what it needs of the node around it. */
import type { NodeId } from '../contract.js';
import type { ViewChange } from './room-view.js';

export interface PresenceOptions {
  readonly graceMs: number;
  /** Rooms with more users than this, or with more bytes of `info`, are told by numbers. */
  readonly usersMax: number;
  readonly infoBytesMax: number;
}

/** Messages are JSON values. */
export interface PresenceLinks {
  /** Sends to every other node that watches the room, or may watch it. Returns those to whom it could not be sent. */
  tellWatchers(room: string, message: unknown): readonly NodeId[];
  /** False: it could not be sent. */
  tell(node: NodeId, message: unknown): boolean;
  /** The other nodes. */
  peers(): readonly NodeId[];
  /** Whoever looks at the room is shown this. Null: the room is too large now, and is shown by `count`. */
  show(room: string, change: ViewChange | null): void;
}
