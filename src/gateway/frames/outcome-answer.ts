import { ackFrame, type Outcome } from '../../wire/outgoing-frame.js';
import type { ClientConnection } from '../client/client-connection.js';

/**
 * Begins a request that is answered with the outcome of its message. When the message is refused there is no outcome, and
 * the caller ends the request.
 *
 * @returns what gives the answer, or null: the frame has no id, and nothing was begun
 */
export function answerWithOutcome(
  connection: ClientConnection,
  id: string | null,
): ((outcome: Outcome) => void) | null {
  if (id === null) return null;
  connection.begin();
  return (outcome) => {
    connection.sendText(ackFrame(id, outcome));
    connection.end();
  };
}
