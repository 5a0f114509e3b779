import type { Message } from '../wire/message.js';
import type { Connection } from './connection.js';

/** A connection that is a device of its user: messages to the user are delivered to it. */
export interface Device extends Connection {
  /** Puts a message into the outgoing queue. Returns false when it did not (closing, or the queue is full). */
  deliver(message: Message): boolean;
}
