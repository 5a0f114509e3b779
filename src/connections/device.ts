import type { Message } from '../wire/message.js';
import type { SharedFrame } from '../wire/shared-frame.js';
import type { Connection } from './connection.js';

/** A connection that is a device of its user: messages to the user are delivered to it. */
export interface Device extends Connection {
  /** Puts a message into the outgoing queue. Returns false when it did not (closing, or the queue is full). */
  deliver(message: Message): boolean;

  /** True: the client speaks `lanfare.v1.json`, and gets events. Other clients get bare data, and can be in no room. */
  readonly isEnveloped: boolean;
  /** Puts a text frame into the outgoing queue, as `deliver` does. */
  sendText(text: string): boolean;
  /** The same with a frame that many clients get. */
  deliverFrame(frame: SharedFrame): boolean;
  /** Memory of what the client has not taken yet. */
  readonly backlogBytes: number;
  /** A module has closed it with 4501: its user is not to come back. */
  readonly isKicked: boolean;
  /** Writes the outgoing queue at once, and not at the end of the turn. */
  flush(): void;
}
