import { once, type EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { RequestOptions } from 'node:https';
import { WebSocket } from 'ws';

export const V1 = 'lanfare.v1.json';

/** Of the upgrade request: its headers, and what `https.request` takes. */
export interface ConnectOptions extends RequestOptions {
  readonly headers?: Record<string, string>;
  readonly origin?: string;
  readonly perMessageDeflate?: boolean | object;
}

/** As much of the client's WebSocket as a test may want to drive by hand. */
export interface TestSocket extends EventEmitter {
  readonly protocol: string;
  readonly extensions: string;
  readonly readyState: number;
  readonly OPEN: number;
  send(data: string | Buffer): void;
  ping(): void;
  pause(): void;
  resume(): void;
  close(): void;
  terminate(): void;
}

/** A WebSocket client that keeps what arrives until it is asked for. */
export class TestClient {
  readonly #frames: string[] = [];
  readonly #waiters: ((frame: string) => void)[] = [];
  /** Resolves with the close code and reason. */
  readonly closed: Promise<{ code: number; reason: string }>;

  private constructor(readonly socket: TestSocket) {
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    socket.on('error', () => undefined);
    socket.on('message', (data: Buffer) => {
      const waiter = this.#waiters.shift();
      if (waiter === undefined) this.#frames.push(data.toString());
      else waiter(data.toString());
    });
  }

  /** Resolves when the connection is open. Rejects with the server's answer when it is refused. */
  static async connect(
    url: string,
    protocols: string | string[] = [],
    options: ConnectOptions = {},
  ): Promise<TestClient> {
    const socket = new WebSocket(url, protocols, options);
    const client = new TestClient(socket);
    await once(socket, 'open');
    return client;
  }

  /** Connects with lanfare.v1.json and takes the `ready` frame. */
  static async ready(url: string, protocols: string[] = [V1]): Promise<TestClient> {
    const client = await TestClient.connect(url, protocols);
    const first = await client.nextJson();
    if (first['event'] !== 'ready') throw new Error(`expected ready, got ${JSON.stringify(first)}`);
    return client;
  }

  /** Resolves to the answer when the upgrade is refused. */
  static async refusal(
    url: string,
    protocols: string | string[] = [],
    options: ConnectOptions = {},
  ): Promise<{ status: number; headers: IncomingMessage['headers']; body: Record<string, unknown> }> {
    const socket = new WebSocket(url, protocols, options);
    const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    return {
      status: response.statusCode as number,
      headers: response.headers,
      body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
    };
  }

  send(frame: unknown): void {
    this.socket.send(typeof frame === 'string' || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame));
  }

  /** The next frame, in order of arrival. */
  async next(): Promise<string> {
    const frame = this.#frames.shift();
    return frame ?? new Promise((resolve) => this.#waiters.push(resolve));
  }

  async nextJson(): Promise<Record<string, unknown>> {
    return JSON.parse(await this.next()) as Record<string, unknown>;
  }

  /** Sends a frame with an id and resolves to its answer. Frames that come before it are dropped. */
  async ask(frame: Record<string, unknown>, id: string | number = 'q'): Promise<Record<string, unknown>> {
    this.send({ ...frame, id });
    for (;;) {
      const answer = await this.next();
      const parsed: unknown = answer.startsWith('{') ? JSON.parse(answer) : null;
      if (parsed !== null && (parsed as Record<string, unknown>)['id'] === id)
        return parsed as Record<string, unknown>;
    }
  }

  /** Frames that have arrived and were not taken. If a `ping` was answered before, nothing else is on its way. */
  get pending(): readonly string[] {
    return this.#frames;
  }

  async close(): Promise<void> {
    this.socket.close();
    await this.closed;
  }
}
