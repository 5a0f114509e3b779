import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { WebSocketServer, type WebSocket } from 'ws';
import { FrameReader } from './frame-reader.js';

const PAYLOAD_BYTES_MAX = 70_000;
const server = new WebSocketServer({
  noServer: true,
  clientTracking: false,
  maxPayload: PAYLOAD_BYTES_MAX,
  perMessageDeflate: true,
});

interface Ways {
  readonly extensions?: string;
  /** Without a reader, bytes are put in by hand. */
  readonly socket?: Socket;
}

/** The server's end of a connection. It records all that happens. */
class Listening {
  readonly seen: string[] = [];
  readonly socket: Duplex;
  readonly ws: WebSocket;
  readonly closed: Promise<void>;
  #reader: FrameReader | null = null;

  private constructor(isReaderAttached: boolean, { extensions, socket }: Ways) {
    this.socket =
      socket ??
      new Duplex({
        read: () => undefined,
        write: (chunk: Buffer, _, done) => {
          this.#see('wrote', chunk.toString('hex'));
          done();
        },
      });
    const headers = {
      upgrade: 'websocket',
      connection: 'Upgrade',
      'sec-websocket-version': '13',
      'sec-websocket-key': Buffer.alloc(16).toString('base64'),
      ...(extensions === undefined ? {} : { 'sec-websocket-extensions': extensions }),
    };
    const request = { method: 'GET', url: '/', headers } as unknown as IncomingMessage;
    let ws: WebSocket | undefined;
    server.handleUpgrade(request, this.socket, Buffer.alloc(0), (opened) => (ws = opened));
    this.ws = ws as WebSocket;
    this.ws.on('message', (data: Buffer, isBinary) => this.#see('message', data.toString('hex'), isBinary));
    this.ws.on('ping', (data) => this.#see('ping', data.toString('hex')));
    this.ws.on('pong', (data) => this.#see('pong', data.toString('hex')));
    this.ws.on('error', (error: Error & { code?: string }) => this.#see('error', error.code));
    this.closed = new Promise((resolve) => {
      this.ws.on('close', (code, reason) => {
        this.#see('close', code, reason.toString());
        resolve();
      });
    });
    if (isReaderAttached)
      this.#reader = FrameReader.attach(this.ws, this.socket as Socket, PAYLOAD_BYTES_MAX);
  }

  /** After this, bytes that are put in are read at once. */
  static async open(isReaderAttached: boolean, ways: Ways = {}): Promise<Listening> {
    const listening = new Listening(isReaderAttached, ways);
    await setImmediate();
    return listening;
  }

  get isReadByWs(): boolean {
    return this.socket.listeners('data').some((listener) => listener.name === 'socketOnData');
  }

  get heldBytes(): number {
    return this.#reader?.heldBytes ?? 0;
  }

  resume(): void {
    this.ws.resume();
    this.#reader?.resume();
  }

  async end(): Promise<string[]> {
    this.socket.push(null);
    await this.closed;
    return this.seen;
  }

  #see(...what: unknown[]): void {
    this.seen.push(what.join(' '));
  }
}

interface Course {
  readonly chunks: readonly Buffer[];
  /** Each chunk comes in a turn of its own; otherwise all come in one turn. */
  readonly inTurns: boolean;
  /** From this chunk on the socket is paused until it closes. */
  readonly pausedAt: number;
}

async function run({ chunks, inTurns, pausedAt }: Course, isReaderAttached: boolean): Promise<string[]> {
  const listening = await Listening.open(isReaderAttached);
  for (const [index, chunk] of chunks.entries()) {
    if (index === pausedAt) listening.ws.pause();
    listening.socket.push(Buffer.from(chunk)); // it is unmasked in place
    if (inTurns) await setImmediate();
  }
  if (pausedAt >= chunks.length) return listening.end();
  listening.socket.destroy();
  await listening.closed;
  return listening.seen;
}

/** What is seen when a client sends two messages and its FIN, on TCP, and the first message pauses the socket. */
async function seenOfHalfClosed(isReaderAttached: boolean): Promise<string[]> {
  const listener = createServer({ allowHalfOpen: false }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const client = connect((listener.address() as AddressInfo).port, '127.0.0.1');
  const [socket] = (await once(listener, 'connection')) as [Socket];
  const listening = await Listening.open(isReaderAttached, { socket });
  listening.ws.once('message', () => listening.ws.pause());
  client.resume().end(Buffer.concat([text('1'), text('2')]));
  await listening.closed;
  listener.close();
  return listening.seen;
}

interface Frame {
  readonly first: number;
  readonly payload: Uint8Array;
  readonly mask: Uint8Array;
}

function encode({ first, payload, mask }: Frame): Buffer {
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = first;
  head[1] = 0x80 | (length < 126 ? length : length < 65_536 ? 126 : 127);
  if (length >= 65_536) head.writeUInt32BE(length, 6);
  else if (length >= 126) head.writeUInt16BE(length, 2);
  const masked = Buffer.from(payload);
  for (let index = 0; index < length; index++)
    masked[index] = (masked[index] as number) ^ (mask[index % 4] as number);
  return Buffer.concat([head, mask, masked]);
}

const text = (payload: string): Buffer =>
  encode({ first: 0x81, payload: Buffer.from(payload), mask: Buffer.from([1, 2, 3, 4]) });

const frame = fc.record({
  first: fc.oneof(
    { weight: 20, arbitrary: fc.constant(0x81) },
    { weight: 6, arbitrary: fc.constantFrom(0x82, 0x89, 0x8a) },
    { weight: 1, arbitrary: fc.constantFrom(0x01, 0x02, 0x00, 0x80, 0x88, 0x09) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 255 }) },
  ),
  payload: fc.oneof(
    {
      weight: 60,
      arbitrary: fc.string({ maxLength: 150, unit: 'grapheme' }).map((value) => Buffer.from(value)),
    },
    {
      weight: 6,
      arbitrary: fc.constantFrom(124, 125, 126, 127, 128, 4090, 4096, 5000).map((n) => Buffer.alloc(n, 'x')),
    },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom(65_535, 65_536, PAYLOAD_BYTES_MAX, PAYLOAD_BYTES_MAX + 1)
        .map((n) => Buffer.alloc(n, 'x')),
    },
    { weight: 3, arbitrary: fc.uint8Array({ maxLength: 10 }) },
  ),
  mask: fc.uint8Array({ minLength: 4, maxLength: 4 }),
});

/** Frames in sequence, sometimes with a changed byte, cut at any place. */
const chunks = fc
  .record({
    frames: fc.array(frame, { minLength: 1, maxLength: 12 }),
    change: fc.option(fc.record({ at: fc.nat(), to: fc.integer({ min: 0, max: 255 }) }), { freq: 4 }),
    cuts: fc.array(fc.nat(), { maxLength: 12 }),
  })
  .map(({ frames, change, cuts }) => {
    const bytes = Buffer.concat(frames.map(encode));
    if (change !== null) bytes[change.at % bytes.length] = change.to;
    const edges = [0, ...cuts.map((cut) => cut % bytes.length).sort((a, b) => a - b), bytes.length];
    const pieces = edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge));
    return pieces.filter(({ length }) => length > 0);
  });

describe('the frame reader', () => {
  it.each([
    ['any bytes', fc.constant(Infinity)],
    ['what a paused socket had left when it closed', fc.nat(12)],
  ])(
    'makes the same of %s as ws does by itself',
    async (_, pausedAt) => {
      const course = fc.record({ chunks, inTurns: fc.boolean(), pausedAt });
      await fc.assert(
        fc.asyncProperty(course, async (taken) => {
          expect(await run(taken, true)).toEqual(await run(taken, false));
        }),
        { numRuns: 1500 },
      );
    },
    120_000,
  );

  it('reads plain frames, pings and pongs without ws, wherever they are cut', async () => {
    const listening = await Listening.open(true);
    const ping = encode({ first: 0x89, payload: Buffer.from('p'), mask: Buffer.from([9, 9, 9, 9]) });
    const pong = encode({ first: 0x8a, payload: Buffer.alloc(0), mask: Buffer.from([9, 9, 9, 9]) });
    const bytes = Buffer.concat([text('one'), ping, pong, text('x'.repeat(300)), text('')]);
    for (const byte of bytes) listening.socket.push(Buffer.from([byte]));
    expect(listening.seen.filter((what) => what.startsWith('message'))).toHaveLength(3);
    expect(listening.isReadByWs).toBe(false);
  });

  it('joins a long message that comes in many chunks, and takes half as much memory again as has come at most', async () => {
    const listening = await Listening.open(true);
    const whole = text('x'.repeat(66_000));
    const held: number[] = [];
    for (let at = 0; at < whole.length; at += 3000) {
      listening.socket.push(Buffer.from(whole.subarray(at, at + 3000)));
      held.push(listening.heldBytes - 1.5 * (at + 3000));
    }
    expect(Math.max(...held)).toBeLessThanOrEqual(0);
    expect(listening.seen.at(-1)).toBe(`message ${'78'.repeat(66_000)} false`);
    expect([listening.isReadByWs, listening.heldBytes]).toEqual([false, 0]);
  });

  it('leaves what follows unread when the socket is paused by a message, until it is resumed', async () => {
    const listening = await Listening.open(true);
    const messages = () => listening.seen.filter((what) => what.startsWith('message')).map((what) => what[9]);
    listening.ws.on('message', () => listening.ws.pause());
    listening.socket.push(Buffer.concat([text('1'), text('2'), text('3'), text('4').subarray(0, 5)]));
    expect(messages()).toEqual(['1']);
    listening.resume();
    expect(messages()).toEqual(['1', '2']);
    listening.socket.push(text('4').subarray(5));
    listening.resume();
    expect(messages()).toEqual(['1', '2', '3']);
    listening.resume();
    await setImmediate();
    expect(messages()).toEqual(['1', '2', '3', '4']);
  });

  it('tells how many bytes it keeps of what it has read, and emits `unread`', async () => {
    const listening = await Listening.open(true);
    let told = 0;
    listening.ws.on('unread', () => told++);
    listening.socket.push(Buffer.concat([text('1'), text('2')]));
    expect([told, listening.heldBytes]).toEqual([0, 0]);
    listening.socket.push(text('3').subarray(0, 5));
    expect([told, listening.heldBytes]).toEqual([1, 5]);
    listening.ws.on('message', () => listening.ws.pause());
    const rest = Buffer.concat([text('3').subarray(5), text('4')]);
    listening.socket.push(rest);
    // the whole chunk stays in memory for the part that waits
    expect([told, listening.heldBytes]).toEqual([2, rest.length]);
    listening.resume();
    expect(listening.heldBytes).toBe(0);
    listening.resume();
    listening.socket.push(encode({ first: 0x01, payload: Buffer.from('a'), mask: Buffer.alloc(4) }));
    expect(told).toBe(3);
    listening.socket.push(encode({ first: 0x00, payload: Buffer.from('b'), mask: Buffer.alloc(4) }));
    expect(told).toBe(4);
    await listening.end();
  });

  it('leaves what follows to ws when the client ends its side while it is paused', async () => {
    const seen = await Promise.all(
      [false, true].map(async (isReaderAttached) => seenOfHalfClosed(isReaderAttached)),
    );
    expect(seen[1]).toEqual(seen[0]);
    expect(seen[1]).toContain('message 32 false');
  });

  it('leaves what follows to ws when the paused socket closes', async () => {
    const listening = await Listening.open(true);
    listening.ws.once('message', () => {
      listening.ws.pause();
      listening.ws.once('message', () => listening.resume()); // as a connection does when this message closes it
    });
    listening.socket.push(Buffer.concat([text('1'), text('2'), text('3').subarray(0, 3)]));
    listening.socket.push(text('3').subarray(3));
    listening.socket.destroy();
    await listening.closed;
    expect(listening.seen.slice(1)).toEqual([
      'message 31 false',
      'message 32 false',
      'message 33 false',
      'close 1006 ',
    ]);
  });

  it.each([
    ['fragments', [encode({ first: 0x01, payload: Buffer.from('a'), mask: Buffer.alloc(4) })]],
    ['a frame that is too long', [text('x'.repeat(PAYLOAD_BYTES_MAX + 1)).subarray(0, 10)]],
    ['the same, cut in its length', [Buffer.from([0x81, 0xff, 0]), Buffer.from([0, 0, 1, 0, 0, 0, 0])]],
    ['a closing handshake', [encode({ first: 0x88, payload: Buffer.alloc(0), mask: Buffer.alloc(4) })]],
    ['a frame without mask', [Buffer.from([0x81, 0x01, 0x61])]],
  ])('leaves %s to ws', async (_, chunks) => {
    const listening = await Listening.open(true);
    listening.socket.push(text('before'));
    expect(listening.isReadByWs).toBe(false);
    const handed: boolean[] = [];
    listening.socket.on('newListener', (event) => handed.push(event === 'data'));
    for (const chunk of chunks) listening.socket.push(chunk);
    expect(handed[0]).toBe(true);
    await listening.end();
  });

  it('is not used where frames are compressed', async () => {
    expect((await Listening.open(true, { extensions: 'permessage-deflate' })).isReadByWs).toBe(true);
    expect((await Listening.open(true)).isReadByWs).toBe(false);
  });
});
