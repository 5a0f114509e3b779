import { Injectable, Optional } from '@nestjs/common';
import type { BusRefusal } from '../../cluster/bus/bus.js';
import { MessagePolicy } from '../../messaging/message-policy.js';
import { Messaging } from '../../messaging/messaging.js';
import type { SendFrame } from '../../wire/plain-send.js';
import type { Message } from '../../wire/message.js';
import type { ClientConnection } from '../client/client-connection.js';
import { Congestion } from './congestion.js';
import { answerWithOutcome } from './outcome-answer.js';
import { ask, whenAnswered, type Verdict } from './policy-question.js';

/**
 * Posts what clients send. It asks the policy, if there is one, answers sends that have an id, and slows senders down
 * while the queues towards other nodes are full.
 */
@Injectable()
export class ClientSends {
  constructor(
    private readonly messaging: Messaging,
    private readonly congestion: Congestion,
    @Optional() private readonly policy?: MessagePolicy,
  ) {}

  /**
   * Returns false when queues towards other nodes are full: the connection is paused, and must pass the frame again
   * later.
   */
  handle(connection: ClientConnection, frame: SendFrame): boolean {
    const { id, data } = frame;
    if (connection.isAnonymous) {
      connection.refuse('forbidden', id);
      return true;
    }
    const message = messageOf(frame, connection.userId);
    const { policy } = this;
    if (policy !== undefined) {
      const verdict = ask(`${policy.constructor.name}.allows`, () => policy.allows(connection, message));
      whenAnswered(connection, data.length, verdict, (answer) => this.#obey(answer, connection, message, id));
      return true;
    }
    const refusal = this.#post(connection, message, id);
    if (refusal === 'congested' && connection.intake.isPaused) return false;
    if (refusal !== null) connection.refuse(refusal, id);
    return true;
  }

  /**
   * Posts the message. Pauses the connection if the cluster is congested, whether the message was refused or not. A
   * volatile message is dropped then, and pauses nobody.
   */
  #post(connection: ClientConnection, message: Message, id: string | null): BusRefusal | null {
    const answer = answerWithOutcome(connection, id);
    const refusal = this.messaging.post(message, answer);
    if (message.isVolatile !== true) this.congestion.hasSent(connection);
    if (refusal !== null && answer !== null) connection.end();
    return refusal;
  }

  #obey(verdict: Verdict, connection: ClientConnection, message: Message, id: string | null): void {
    if (verdict === 'failed') connection.refuse('internal', id);
    else if (!verdict) connection.refuse('forbidden', id);
    else {
      const refusal = this.#post(connection, message, id);
      if (refusal !== null) connection.refuse(refusal, id);
    }
  }
}

function messageOf({ to, data, messageId, isVolatile }: SendFrame, from: string): Message {
  if (isVolatile) return { to, from, data, isVolatile };
  return messageId === null ? { to, from, data } : { to, from, data, messageId };
}
