import { Logger, type BeforeApplicationShutdown } from '@nestjs/common';
import { WebSocketGateway } from '@nestjs/websockets';
import { setTimeout as delay } from 'node:timers/promises';
import type { ClientConnection } from './client/client-connection.js';
import { Clients } from './admission/clients.js';
import { Door } from './admission/door.js';
import { Grace } from './grace.js';
import { ModuleGateways } from './module-gateways/module-gateways.js';
import { within } from '../waiting/within.js';

/** Clients are closed in waves, small enough that the other nodes can take the clients that come to them. */
const WAVE_INTERVAL_MS = 50;
/** So many clients per second are closed when there is time for it. */
const DRAIN_PER_SECOND = 1000;
/** Share of the clients' time given to the waves; the rest is for closing handshakes and work still under way. */
const WAVES_SHARE = 0.85;
/** Time at the end of the grace in which sockets that were just cut are seen as closed. */
const LAST_MOMENT_MS = 100;
const POLL_MS = 10;

/**
 * The core's own gateway, on WS_PATH. It has no handlers: core frames go directly to ClientFrames, and other gateways
 * without a path share its sockets. This gateway closes the clients when the node shuts down.
 */
@WebSocketGateway()
export class ClientGateway implements BeforeApplicationShutdown {
  readonly #log = new Logger(ClientGateway.name);

  constructor(
    private readonly door: Door,
    private readonly clients: Clients,
    private readonly gateways: ModuleGateways,
    private readonly grace: Grace,
  ) {}

  /**
   * Closes every client with 1012, in waves in random order. Then it waits until the clients have gone and all gateways
   * have handled that, or until the share of the grace for clients is over. Each connection leaves the directory as it
   * closes, so that messages reach those that are still here. The node itself leaves the cluster after this.
   */
  async beforeApplicationShutdown(): Promise<void> {
    this.door.stopAdmitting();
    await this.#sendAway(shuffled([...this.clients]));
    while (this.clients.size > 0 && this.grace.left('clients') > 0) await delay(POLL_MS);
    if (this.clients.size > 0) {
      this.#log.warn(`${this.clients.size} clients have not closed: they are cut`);
      for (const client of this.clients) client.terminate();
      await delay(POLL_MS);
    }
    const left = Math.max(LAST_MOMENT_MS, this.grace.left('clients'));
    await within(left, this.gateways.settled(), undefined);
  }

  async #sendAway(clients: ClientConnection[]): Promise<void> {
    const spreadMs = Math.min(
      this.grace.left('clients') * WAVES_SHARE,
      (clients.length / DRAIN_PER_SECOND) * 1000,
    );
    const waves = Math.max(1, Math.floor(spreadMs / WAVE_INTERVAL_MS));
    const waveSize = Math.ceil(clients.length / waves);
    for (let start = 0; start < clients.length; start += waveSize) {
      for (const client of clients.slice(start, start + waveSize)) client.finish('draining');
      if (this.grace.left('clients') === 0) return;
      if (start + waveSize < clients.length) await delay(WAVE_INTERVAL_MS * (0.5 + Math.random()));
    }
  }
}

function shuffled<T>(items: T[]): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [items[i], items[j]] = [items[j] as T, items[i] as T];
  }
  return items;
}
