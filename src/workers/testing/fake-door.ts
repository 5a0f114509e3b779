import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { PRIMARY_KEY_HEADER } from '../worker-door.js';

export interface Asked {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** The part of the operators' door that is in a worker, answering as the test says. */
export class FakeDoor {
  readonly key = 'k';
  readonly asked: Asked[] = [];
  /** Statuses and bodies by path. A path that is not here is never answered. */
  readonly answers = new Map<string, readonly [number, string]>();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  static async open(): Promise<FakeDoor> {
    const door = new FakeDoor();
    door.#server.listen(0, '127.0.0.1');
    await once(door.#server, 'listening');
    return door;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url, headers } = request;
    if (headers[PRIMARY_KEY_HEADER] !== this.key) throw new Error('asked without the key');
    this.asked.push({ method, url, headers, body: await text(request) });
    const answer = this.answers.get(url ?? '');
    if (answer !== undefined) response.writeHead(answer[0], { 'x-own': 'yes' }).end(answer[1]);
  }
}
