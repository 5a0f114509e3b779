import type { Connection } from '../connections/connection.js';
import type { Message, RoomMessage } from '../wire/message.js';

/**
 * Says which messages of clients may be sent. An application provides its own in a global module, like an
 * Authenticator. Without one every user may write to every user. The application's own messages (Messaging, HTTP API)
 * are not asked about.
 *
 * The answer may be a promise. Reading from that client waits meanwhile, so that order is kept and at most one question
 * per connection is open. A throw, an answer that is no boolean, and no answer within 10 s are bugs: the client gets
 * `internal`, and the error is logged.
 */
export abstract class MessagePolicy {
  /** Returns false to refuse: the sender then gets the error `forbidden`. */
  abstract allows(sender: Connection, message: Message): Promise<boolean> | boolean;

  /**
   * The same for a message to a room. Asked after the RoomPolicy. A policy that does not override it refuses all of them: it
   * was written without rooms in mind, and what it keeps from users must not reach them through a room.
   */
  allowsToRoom(_sender: Connection, _message: RoomMessage): Promise<boolean> | boolean {
    return false;
  }
}
