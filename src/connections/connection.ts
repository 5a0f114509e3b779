import type { CloseName } from '../wire/codes.js';
import type { Message } from '../wire/message.js';

/** One device of a user, connected to this node. This is all that the registry knows of a socket. */
export interface Connection {
  /** Unique in the cluster; new for every connection. */
  readonly id: string;
  readonly userId: string;
  /** Milliseconds since the epoch. */
  readonly connectedAt: number;

  /** Puts a message into the outgoing queue. Returns false when it did not (closing, or the queue is full). */
  deliver(message: Message): boolean;
  /** Starts the closing handshake with the code and reason of the table in wire/codes.ts. */
  close(why: CloseName): void;
}
