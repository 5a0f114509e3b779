import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { Subscription } from 'rxjs';
import { Cluster } from '../../cluster/cluster.js';
import type { ClientConnection } from '../client/client-connection.js';

/** Slows clients down: while the queues towards other nodes are full, the clients that send to them are not read. */
@Injectable()
export class Congestion implements OnModuleInit, OnApplicationShutdown {
  readonly #waiting = new Set<ClientConnection>();
  #isCongested = false;
  #subscription: Subscription | undefined;

  constructor(private readonly cluster: Cluster) {}

  onModuleInit(): void {
    this.#subscription = this.cluster.congested$.subscribe((isCongested) => {
      this.#isCongested = isCongested;
      if (!isCongested) this.#resumeSenders();
    });
  }

  /** Not in an earlier hook: while the node drains, paused connections must still be resumed. */
  onApplicationShutdown(): void {
    this.#subscription?.unsubscribe();
  }

  /**
   * The client has sent something to other nodes. If their queues are full it is paused, whether its message was
   * refused or not.
   */
  hasSent(connection: ClientConnection): void {
    if (!this.#isCongested || !connection.isOpen) return;
    this.#waiting.add(connection);
    connection.intake.pause('congested');
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
