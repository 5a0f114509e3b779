import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import { Backlog } from './backlog.js';

export interface SentFrame {
  readonly event: string;
  readonly id?: number;
  readonly data?: unknown;
}

/** The server's end of one connection: it does what the test says, and nothing by itself. */
export class Peer {
  readonly frames = new Backlog<SentFrame>();
  /** The client's close code. */
  readonly closed: Promise<number>;

  constructor(
    readonly socket: WebSocket,
    readonly offers: readonly string[],
    readonly path: string,
  ) {
    socket.on('message', (text: Buffer) => this.frames.add(JSON.parse(text.toString()) as SentFrame));
    this.closed = new Promise((resolve) => socket.on('close', resolve));
  }

  send(frame: object): void {
    this.socket.send(JSON.stringify(frame));
  }

  ready(limits?: { payload_bytes: number }): void {
    const data = { user_id: 'ann', connection_id: 'c1', node_id: 'n1', limits };
    this.send({ event: 'ready', data });
  }

  /** The next frame, which is of this event. */
  async expect(event: string): Promise<SentFrame> {
    const frame = await this.frames.next();
    if (frame.event !== event) throw new Error(`expected ${event}, got ${JSON.stringify(frame)}`);
    return frame;
  }

  ack({ id }: SentFrame, data?: unknown): void {
    this.send({ event: 'ack', id, data });
  }

  refuse({ id }: SentFrame, code: string, retryable = false): void {
    this.send({ event: 'error', id, data: { code, message: `it is ${code}`, retryable } });
  }

  /** Lets in all rooms of the next join. Returns their names. */
  async admit(): Promise<string[]> {
    const frame = await this.expect('join');
    const { rooms } = frame.data as { rooms: (string | { room: string })[] };
    const names = rooms.map((entry) => (typeof entry === 'string' ? entry : entry.room));
    this.ack(frame, { rooms: names.map((room) => ({ room, complete: true })) });
    return names;
  }

  close(code: number, reason = ''): void {
    this.socket.close(code, reason);
  }
}

/** In place of a node: a real WebSocket server whose every step is the test's. */
export class ScriptedServer {
  readonly #peers = new Backlog<Peer>();

  private constructor(private readonly server: WebSocketServer) {
    server.on('connection', (socket, { headers, url = '' }) => {
      const offers = (headers['sec-websocket-protocol'] ?? '').split(/, */);
      this.#peers.add(new Peer(socket, offers, url));
    });
  }

  static async start(): Promise<ScriptedServer> {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    await once(server, 'listening');
    return new ScriptedServer(server);
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.server.address() as AddressInfo).port}/chat`;
  }

  /** The next connection. */
  async accept(): Promise<Peer> {
    return this.#peers.next();
  }

  /** The next connection, which is told that it is ready. */
  async admit(limits?: { payload_bytes: number }): Promise<Peer> {
    const peer = await this.accept();
    peer.ready(limits);
    return peer;
  }

  /** Connections that were not accepted by the test. */
  get unexpected(): number {
    return this.#peers.size;
  }

  async stop(): Promise<void> {
    for (const socket of this.server.clients) socket.terminate();
    this.server.close();
    await once(this.server, 'close');
  }
}
