import { Injectable, Logger } from '@nestjs/common';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { within } from './time-limit.js';

/**
 * Sockets on the public port that are not clients' (yet): silent ones, handshakes, held upgrades, plain HTTP. A socket
 * is one from its arrival until it closes or its upgrade is answered.
 */
@Injectable()
export class Visitors {
  readonly #log = new Logger(Visitors.name);
  readonly #open = new Set<Socket>();
  readonly #answering = new Set<ServerResponse>();
  #isEnding = false;
  #allGone: (() => void) | null = null;

  /** To be called once, before `server` listens. */
  watch(server: Server): void {
    server.on('connection', (socket: Socket) => {
      if (this.#isEnding) {
        socket.destroy();
        return;
      }
      this.#open.add(socket);
      socket.on('close', this.#gone);
    });
    server.prependListener('request', (_: IncomingMessage, response: ServerResponse) => {
      this.#answering.add(response);
      response.once('close', () => this.#answered(response));
    });
  }

  /** The upgrade is answered: from now on the socket is a client's. */
  becomesClient(socket: Socket): void {
    socket.off('close', this.#gone);
    this.#remove(socket);
  }

  /**
   * Ends all of them, those that come from now on too: at once those for which no request is being answered, the
   * others with their answer, or when `patienceMs` is over.
   */
  async end(patienceMs: number): Promise<void> {
    this.#isEnding = true;
    const busy = new Set([...this.#answering].map(({ req }) => req.socket));
    for (const socket of this.#open) {
      if (!busy.has(socket)) socket.destroy();
    }
    if (this.#open.size === 0) return;
    await within(patienceMs, new Promise<void>((resolve) => (this.#allGone = resolve)), undefined);
    if (this.#open.size === 0) return;
    this.#log.warn(`Cut: ${this.#open.size} connections whose HTTP requests were still being answered`);
    for (const socket of this.#open) socket.destroy();
  }

  #answered(response: ServerResponse): void {
    this.#answering.delete(response);
    if (this.#isEnding) response.req.socket.destroySoon();
  }

  #remove(socket: Socket): void {
    this.#open.delete(socket);
    if (this.#open.size === 0) this.#allGone?.();
  }

  /** One listener for all sockets: `this` is the socket. */
  readonly #gone = ((visitors: Visitors) =>
    function (this: Socket): void {
      visitors.#remove(this);
    })(this);
}
