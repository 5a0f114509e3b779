import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { Subscription } from 'rxjs';
import { UdpBroadcast } from 'lanfare';

/**
 * Counts datagrams by where they came from: every datagram the sockets receive passes `datagrams$`, this node's own
 * and foreign programs' among them. On the bus `udp` their content is sealed. Subscribers run in the receive path:
 * count, and leave work for later.
 */
@Injectable()
export class DatagramTap implements OnModuleInit, OnModuleDestroy {
  readonly #bySender = new Map<string, number>();
  #subscription: Subscription | undefined;

  constructor(private readonly udp: UdpBroadcast) {}

  onModuleInit(): void {
    this.#subscription = this.udp.datagrams$.subscribe(({ address, port }) => {
      const sender = `${address}:${port}`;
      // anybody who reaches the port can add keys, so the map needs a limit
      if (this.#bySender.size >= 1000 && !this.#bySender.has(sender)) return;
      this.#bySender.set(sender, (this.#bySender.get(sender) ?? 0) + 1);
    });
  }

  onModuleDestroy(): void {
    this.#subscription?.unsubscribe();
  }

  /** Datagrams by sender, since the start. */
  get counts(): ReadonlyMap<string, number> {
    return this.#bySender;
  }
}
