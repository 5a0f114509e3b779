import { Inject, type BeforeApplicationShutdown } from '@nestjs/common';
import type { ConfigType } from '@nestjs/config';
import { WebSocketGateway } from '@nestjs/websockets';
import { setTimeout as delay } from 'node:timers/promises';
import { Door } from './door.js';
import { gatewayConfig } from './gateway.config.js';

/** Waves are small enough that the other nodes can take the clients that come over from one. */
const WAVE_INTERVAL_MS = 50;
/** Clients asked to go per second when time allows. */
const DRAIN_PER_SECOND = 1000;
/** Share of the grace given to the waves; the rest is for closing handshakes and work still under way. */
const DRAIN_SHARE = 0.6;

/**
 * The core's own gateway, on WS_PATH. It has no handlers: core frames take the direct path (ClientFrames), and
 * other gateways without a path share its sockets. What it does is to see the clients off.
 */
@WebSocketGateway()
export class ClientGateway implements BeforeApplicationShutdown {
  constructor(
    private readonly door: Door,
    @Inject(gatewayConfig.KEY) private readonly config: ConfigType<typeof gatewayConfig>,
  ) {}

  /** Closes every client with 1012, in waves in random order, and waits until they have gone or the grace is over. */
  async beforeApplicationShutdown(): Promise<void> {
    this.door.stopAdmitting();
    const deadline = performance.now() + this.config.SHUTDOWN_GRACE_MS;
    const clients = shuffled([...this.door.clients]);
    const spreadMs = Math.min(
      this.config.SHUTDOWN_GRACE_MS * DRAIN_SHARE,
      (clients.length / DRAIN_PER_SECOND) * 1000,
    );
    const waveSize = Math.max(
      1,
      Math.ceil((clients.length * WAVE_INTERVAL_MS) / Math.max(spreadMs, WAVE_INTERVAL_MS)),
    );
    for (let start = 0; start < clients.length; start += waveSize) {
      for (const client of clients.slice(start, start + waveSize)) client.close('draining');
      if (start + waveSize < clients.length) await delay(WAVE_INTERVAL_MS * (0.5 + Math.random()));
    }
    while (this.door.clients.size > 0 && performance.now() < deadline) await delay(WAVE_INTERVAL_MS / 5);
    for (const client of this.door.clients) client.terminate();
  }
}

function shuffled<T>(items: T[]): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [items[i], items[j]] = [items[j] as T, items[i] as T];
  }
  return items;
}
