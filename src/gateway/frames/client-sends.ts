import { Injectable, Optional, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { Subscription } from 'rxjs';
import type { BusRefusal } from '../../cluster/bus/bus.js';
import { Cluster } from '../../cluster/cluster.js';
import { MessagePolicy } from '../../messaging/message-policy.js';
import { Messaging } from '../../messaging/messaging.js';
import { moduleFailed } from '../../telemetry/module-failures.js';
import type { SendFrame } from '../../wire/incoming-frame.js';
import type { Message } from '../../wire/message.js';
import { ackFrame } from '../../wire/outgoing-frame.js';
import type { ClientConnection } from '../client/client-connection.js';
import { inTime } from '../limits/within.js';

/** A policy that is slower than this counts as broken. */
const POLICY_TIMEOUT_MS = 10_000;

/**
 * Posts what clients send. It asks the policy, if there is one, answers sends that have an id, and slows senders down
 * while the queues towards other nodes are full.
 */
@Injectable()
export class ClientSends implements OnModuleInit, OnApplicationShutdown {
  readonly #waiting = new Set<ClientConnection>();
  #isCongested = false;
  #subscription: Subscription | undefined;

  constructor(
    private readonly messaging: Messaging,
    private readonly cluster: Cluster,
    @Optional() private readonly policy?: MessagePolicy,
  ) {}

  onModuleInit(): void {
    this.#subscription = this.cluster.congested$.subscribe((isCongested) => {
      this.#isCongested = isCongested;
      if (!isCongested) this.#resumeSenders();
    });
  }

  /** Not earlier: while the node drains, paused connections must still be resumed. */
  onApplicationShutdown(): void {
    this.#subscription?.unsubscribe();
  }

  /**
   * Returns false when queues towards other nodes are full: the connection is paused, and must pass the frame again
   * later.
   */
  handle(connection: ClientConnection, { id, to, data, messageId }: SendFrame): boolean {
    if (connection.isAnonymous) {
      connection.refuse('forbidden', id);
      return true;
    }
    const from = connection.userId;
    const message = messageId === null ? { to, from, data } : { to, from, data, messageId };
    if (this.policy !== undefined) {
      this.#judge(this.policy, connection, message, id);
      return true;
    }
    const refusal = this.#post(connection, message, id);
    if (refusal === 'congested' && connection.intake.isPaused) return false;
    if (refusal !== null) connection.refuse(refusal, id);
    return true;
  }

  /** Posts the message. Pauses the connection if the cluster is congested, whether the message was refused or not. */
  #post(connection: ClientConnection, message: Message, id: string | null): BusRefusal | null {
    let refusal: BusRefusal | null;
    if (id === null) {
      refusal = this.messaging.post(message, null);
    } else {
      connection.begin();
      refusal = this.messaging.post(message, (outcome) => {
        connection.sendText(ackFrame(id, outcome));
        connection.end();
      });
    }
    if (this.#isCongested && connection.isOpen) {
      this.#waiting.add(connection);
      connection.intake.pause('congested');
    }
    if (refusal !== null && id !== null) connection.end();
    return refusal;
  }

  #judge(policy: MessagePolicy, connection: ClientConnection, message: Message, id: string | null): void {
    let verdict: unknown;
    try {
      verdict = policy.allows(connection, message);
    } catch (error) {
      this.#failed(policy, connection, id, error);
      return;
    }
    if (typeof verdict === 'boolean') this.#obey(verdict, connection, message, id);
    else void this.#await(policy, Promise.resolve(verdict), connection, message, id);
  }

  async #await(
    policy: MessagePolicy,
    verdict: Promise<unknown>,
    connection: ClientConnection,
    message: Message,
    id: string | null,
  ): Promise<void> {
    const bytes = message.data.length;
    connection.begin(bytes);
    connection.intake.pause('policy');
    try {
      const isAllowed = await inTime(POLICY_TIMEOUT_MS, verdict);
      if (typeof isAllowed !== 'boolean') throw new TypeError('the answer is not a boolean');
      this.#obey(isAllowed, connection, message, id);
    } catch (error) {
      this.#failed(policy, connection, id, error);
    }
    connection.intake.resume('policy');
    connection.end(bytes);
  }

  #obey(isAllowed: boolean, connection: ClientConnection, message: Message, id: string | null): void {
    const refusal = isAllowed ? this.#post(connection, message, id) : 'forbidden';
    if (refusal !== null) connection.refuse(refusal, id);
  }

  #failed(policy: MessagePolicy, connection: ClientConnection, id: string | null, error: unknown): void {
    moduleFailed('policy', `${policy.constructor.name}.allows`, error);
    connection.refuse('internal', id);
  }

  /**
   * Resumes paused connections in the order in which they were paused, until the queues are full again. The rest come
   * next time.
   */
  #resumeSenders(): void {
    for (const connection of this.#waiting) {
      this.#waiting.delete(connection);
      connection.intake.resume('congested');
      if (this.#isCongested) break;
    }
  }
}
