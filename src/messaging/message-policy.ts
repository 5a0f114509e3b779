import type { Connection } from '../connections/connection.js';
import type { Message } from '../wire/message.js';

/**
 * Says which messages of clients may be sent. A team provides its own in a global module, as an Authenticator; with
 * none every user may write to every user. What the application sends itself (Messaging, HTTP API) is not asked about.
 *
 * The answer may take its time: reading from that client waits meanwhile, so that its order is kept and no more than
 * one question per connection is open. A throw, an answer that is no boolean, or none within 10 s is a bug: the
 * client gets `internal`, the log the error.
 */
export abstract class MessagePolicy {
  /** False: the sender gets the error `forbidden`. */
  abstract allows(sender: Connection, message: Message): Promise<boolean> | boolean;
}
