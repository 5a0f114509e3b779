import { Connection } from './connection.js';
import type { ConnectOptions } from './options.js';

/**
 * Connects, and stays connected until `close()` or until the server will not have us.
 *
 * @typeParam Rooms what is published in which room, by name or pattern: `{ 'chat:*': { text: string } }`
 * @typeParam Direct what users send each other
 * @throws TypeError where there is no WebSocket, or no url
 */
export function connect<Rooms extends object = object, Direct = unknown>(
  options: ConnectOptions,
): Connection<Rooms, Direct> {
  return new Connection(options);
}

export { LanfareError, NotConnected, OutcomeUnknown } from './errors.js';
export { nativeSignals } from './signals.js';
export type { Connection, DirectMessage, ModuleEvent } from './connection.js';
export type {
  ConnectOptions,
  Outcome,
  QueueOptions,
  SendOptions,
  Socket,
  WebSocketClass,
} from './options.js';
export type { Member, Presence, PresenceCount } from './presence.js';
export type { ErrorCode } from './protocol.js';
export type { Joined, PublishOptions, Room, RoomMessage, RoomOptions } from './room.js';
export type { AppStateLike, NetInfoLike, Signals } from './signals.js';
export type { Session, State, StateName } from './state.js';
export type { TokenOption, TokenReason } from './token.js';
