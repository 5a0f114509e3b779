import type { Connection } from '../connections/connection.js';

/**
 * Says who may join which room, and publish to it. ROOM_ACCESS chooses a policy. With `custom` an application provides
 * its own in a global module. The policy is not asked when the server puts a connection into a room.
 *
 * An answer may be a promise. Reading from that client waits meanwhile, so that its frames take effect in order. A
 * throw, an answer that is no boolean, and no answer within 10 s are bugs: the client gets `internal`, and the error is
 * logged.
 */
export abstract class RoomPolicy {
  /** Asked at each join, and again for each room of a connection whose token was refreshed. */
  abstract join(connection: Connection, room: string): Promise<boolean> | boolean;
  /** Asked at the first publish to a room that the connection is in, and again after a refresh. */
  abstract publish(connection: Connection, room: string): Promise<boolean> | boolean;

  /**
   * Asked when a connection that may join wants to be told who is in the room, and again after a refresh. By default it may.
   */
  watch(_connection: Connection, _room: string): Promise<boolean> | boolean {
    return true;
  }

  /**
   * Asked at each `watch`, once for all its users, and again for all that a connection watches when its token was
   * refreshed. By default everybody may: the answer to a message tells a sender the same.
   */
  watchUsers(_connection: Connection, _userIds: readonly string[]): Promise<boolean> | boolean {
    return true;
  }
}
