import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Cluster } from '../cluster/cluster.js';
import type { BusRefusal } from '../cluster/bus/bus.js';
import type { Connection } from '../connections/connection.js';
import { ConnectionRegistry } from '../connections/connection-registry.js';
import type { Message } from '../wire/message.js';
import type { Outcome } from '../wire/outgoing-frame.js';
import { userIdFromText } from '../wire/user-id.js';
import { RecentMessages } from './recent-messages.js';

/** The message went nowhere, and why. */
export class MessageRefusedError extends Error {
  override readonly name = 'MessageRefusedError';

  constructor(readonly code: BusRefusal | 'bad_user_id' | 'missing_data') {
    super(`the message was refused: ${code}`);
  }
}

/**
 * Decides where a message goes: to the user's connections on this node, and through the cluster to those on
 * others. Connections join and leave through it, so that this node's registry and what the cluster knows of it
 * change in one step.
 */
@Injectable()
export class Messaging implements OnModuleInit {
  readonly #recent = new RecentMessages();

  constructor(
    private readonly connections: ConnectionRegistry,
    private readonly cluster: Cluster,
  ) {}

  onModuleInit(): void {
    this.cluster.inbound$.subscribe((message) => {
      const delivered = this.#deliver(message);
      message.acknowledge?.(delivered);
    });
  }

  /** `reachable` is called once, when the whole cluster can be promised to reach the connection. */
  join(connection: Connection, reachable: () => void): void {
    this.connections.add(connection);
    this.cluster.join(connection.userId, reachable);
  }

  /** Calling it again is harmless. */
  leave(connection: Connection): void {
    if (this.connections.remove(connection)) this.cluster.leave(connection.userId);
  }

  /**
   * The hot path: sends a message to every device of a user. `outcome`, when given, is called once, at once or
   * within a second. A refusal means that no device got it, and `outcome` is not called.
   */
  post(message: Message, outcome: ((outcome: Outcome) => void) | null): BusRefusal | null {
    if (outcome === null) {
      const refusal = this.cluster.send(message, null);
      if (refusal === null) this.#deliver(message);
      return refusal;
    }
    const tally = new Tally(outcome);
    // the cluster first: what it refuses must not have been delivered here
    const refusal = this.cluster.send(message, (remote) => tally.addRemote(remote));
    if (refusal === null) tally.addLocal(this.#deliver(message));
    return refusal;
  }

  /**
   * Sends a JSON value to every device of a user, from anywhere in the cluster.
   *
   * @param from the user it is said to come from; null: from the application itself
   * @throws {MessageRefusedError} when it went nowhere
   */
  async send(userId: string | number, data: unknown, from: string | null = null): Promise<Outcome> {
    const to = userIdFromText(String(userId));
    if (to === null) throw new MessageRefusedError('bad_user_id');
    const json = JSON.stringify(data) as string | undefined;
    if (json === undefined) throw new MessageRefusedError('missing_data');
    return new Promise((resolve, reject) => {
      const refusal = this.post({ to, from, data: Buffer.from(json) }, resolve);
      if (refusal !== null) reject(new MessageRefusedError(refusal));
    });
  }

  /** To this node's connections, unless it is a retry of what they got already. */
  #deliver(message: Message): number {
    if (message.messageId === undefined) return this.connections.deliver(message);
    const before = this.#recent.deliveredBefore(message);
    if (before !== undefined && before > 0) return before;
    const delivered = this.connections.deliver(message);
    this.#recent.remember(message, delivered);
    return delivered;
  }
}

/** Adds up what this node and the others say; either may come first. */
class Tally {
  #delivered = 0;
  #complete = true;
  #missing = 2;

  constructor(private readonly outcome: (outcome: Outcome) => void) {}

  addLocal(delivered: number): void {
    this.#add(delivered, true);
  }

  addRemote({ delivered, complete }: Outcome): void {
    this.#add(delivered, complete);
  }

  #add(delivered: number, complete: boolean): void {
    this.#delivered += delivered;
    this.#complete &&= complete;
    if (--this.#missing === 0) this.outcome({ delivered: this.#delivered, complete: this.#complete });
  }
}
