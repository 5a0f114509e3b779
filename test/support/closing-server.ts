import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import { running } from './running.js';

/** In place of a node: accepts every client, and closes it at once, as the test says. */
export class ClosingServer {
  /** What the clients offered, one entry for each. */
  readonly offers: string[][] = [];

  private constructor(private readonly server: WebSocketServer) {
    running.set(this, async () => this.stop());
  }

  /** `codes`: of the first client, the second, … */
  static async start(codes: readonly number[], reason: string): Promise<ClosingServer> {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    await once(server, 'listening');
    const closing = new ClosingServer(server);
    server.on('connection', (socket, request) => {
      closing.offers.push((request.headers['sec-websocket-protocol'] ?? '').split(/, */));
      socket.close(codes[closing.offers.length - 1], reason);
    });
    return closing;
  }

  get address(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    running.delete(this);
    await new Promise((resolve) => this.server.close(resolve));
  }
}
