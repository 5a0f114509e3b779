import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { Socket, type AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';
import { WebSocket, WebSocketServer } from 'ws';
import { Inflation } from './inflation.js';

const MESSAGES = 40;
const text = (index: number) => `${index}${'x'.repeat(10_000)}`;

/** Waits longer than it takes to inflate all of them. */
async function inflateAll(): Promise<void> {
  for (let index = 0; index < 2 * MESSAGES; index++) {
    await promisify(inflateRaw)(await promisify(deflateRaw)(text(index)));
  }
}

describe('messages of a client with compression', () => {
  let http: Server;
  let client: WebSocket;
  let ws: WebSocket;
  let inflation: Inflation;
  let messages: string[];
  let hasClosed: Promise<void>;

  beforeEach(async () => {
    http = createServer();
    const server = new WebSocketServer({ server: http, perMessageDeflate: true });
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    client = new WebSocket(`ws://127.0.0.1:${(http.address() as AddressInfo).port}`, {
      perMessageDeflate: { threshold: 0 },
    });
    const [[opened, { socket }]] = (await Promise.all([
      once(server, 'connection'),
      once(client, 'open'),
    ])) as [[WebSocket, { socket: Socket }], unknown];
    ws = opened;
    inflation = Inflation.attach(ws, socket) as Inflation;
    messages = [];
    ws.on('message', (data: Buffer) => messages.push(data.toString()));
    ws.on('error', () => undefined);
    hasClosed = new Promise<void>((resolve) => ws.on('close', resolve));
  });

  afterEach(async () => {
    client.terminate();
    ws.terminate();
    await hasClosed;
    http.close();
  });

  async function pauseAtFirst(): Promise<void> {
    const first = once(ws, 'message');
    ws.once('message', () => ws.pause());
    for (let index = 0; index < MESSAGES; index++) client.send(text(index));
    await first;
  }

  it('wait uninflated while the socket is paused, and follow in order', async () => {
    await pauseAtFirst();
    await inflateAll();
    expect(messages).toHaveLength(1);
    ws.resume();
    inflation.resume();
    while (messages.length < MESSAGES) await once(ws, 'message');
    expect(messages).toEqual(Array.from({ length: MESSAGES }, (_, index) => text(index)));
  });

  it('are taken one by one when each pauses the socket', async () => {
    ws.on('message', () => {
      ws.pause();
      setImmediate(() => {
        ws.resume();
        inflation.resume();
      });
    });
    for (let index = 0; index < MESSAGES; index++) client.send(text(index));
    while (messages.length < MESSAGES) await once(ws, 'message');
    expect(messages).toEqual(Array.from({ length: MESSAGES }, (_, index) => text(index)));
  });

  it('do not hide the end of the socket while they wait', async () => {
    await pauseAtFirst();
    ws.terminate();
    await hasClosed;
    expect(messages).toHaveLength(1);
  });

  it('are not held back without compression', async () => {
    const plain = new WebSocket(client.url, { perMessageDeflate: false });
    await once(plain, 'open');
    expect(Inflation.attach(plain, new Socket())).toBeNull();
    plain.terminate();
  });
});
