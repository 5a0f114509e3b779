/**
 * Theory of operation.
 *
 * Nearly every frame of a client is final, short, and whole in the chunk that the socket read; ws' receiver is built
 * for all the others too, and makes six views and a round through a stream for each. So such frames are read here: in
 * place, one view each. Whatever is not plainly one of them goes to ws as it came, from its first byte on, and so
 * does everything after it: a client that fragments, sends long messages or closes is ws' for good. (For long
 * messages the price is in the bytes, not in the views.)
 *
 * Rules.
 * - ws alone refuses: nothing is accepted here that it would not accept, and what is wrong is left to it untouched, for
 *   it knows the close codes (RFC 6455 7.4.1). A specification holds the two against each other on the same bytes.
 * - Pings and pongs pass through to ws whole, and reading goes on here.
 * - Of a frame that is not whole at most TAIL_BYTES_MAX wait here.
 * - When a message's listener pauses the socket, what follows in the chunk (64 KiB and a tail at most) waits as bytes, a
 *   closing handshake too. ws would go on to the end of the chunk, and somebody would have to keep the messages.
 * - What waits is ws' when the socket ends or closes meanwhile, as all is that a paused socket has left.
 * - With compression a frame is not what it seems: then this reader stands aside.
 */
import { isUtf8 } from 'node:buffer';
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';

/** Opcodes with FIN set and no reserved bit (RFC 6455 5.2). */
const TEXT = 0x81;
const BINARY = 0x82;
const PING = 0x89;
const PONG = 0x8a;

const MASKED = 0x80;
const CONTROL_LENGTH_MAX = 125;
const LENGTH_16_BITS = 126;
const MASK_BYTES = 4;

/** Longer frames are ws' unless they are whole: a tail is copied with every chunk that does not complete it. */
const TAIL_BYTES_MAX = 4096;

/** What the bytes at hand begin with, if it is not a frame that was read. */
const INCOMPLETE = -1;
const FOREIGN = -2;

const READER = Symbol('frame reader');

type ReadSocket = Socket & { [READER]: FrameReader };
type DataListener = (this: Socket, chunk: Buffer) => void;

export class FrameReader {
  /** What was not read yet: the beginning of a frame whose rest has not come, or what followed the frame that paused. */
  #tail: Buffer | null = null;

  private constructor(
    private readonly ws: WebSocket,
    private readonly socket: Socket,
    /** ws' own listener. */
    private readonly pass: DataListener,
    private readonly payloadBytesMax: number,
  ) {}

  /**
   * Takes the place of ws' listener on the socket: messages are emitted by `ws` as before. Null: it was left in its place.
   * @param payloadBytesMax as ws was told
   */
  static attach(ws: WebSocket, socket: Socket, payloadBytesMax: number): FrameReader | null {
    const [pass, ...others] = socket.listeners('data') as DataListener[];
    if (pass === undefined || others.length > 0 || ws.extensions !== '') return null;
    const reader = new FrameReader(ws, socket, pass, payloadBytesMax);
    (socket as ReadSocket)[READER] = reader;
    socket.on('data', onData);
    socket.off('data', pass);
    socket.prependListener('end', onEnd);
    socket.prependListener('close', onEnd);
    return reader;
  }

  /** The next chunk of the socket. */
  read(chunk: Buffer): void {
    this.#read(this.#tail === null ? chunk : Buffer.concat([this.#tail, chunk]));
  }

  /** `ws` was resumed. */
  resume(): void {
    if (this.#tail !== null) this.#read(this.#tail);
  }

  #read(bytes: Buffer): void {
    this.#tail = null;
    let at = 0;
    while (at < bytes.length) {
      if (this.ws.isPaused) {
        this.#tail = bytes.subarray(at);
        return;
      }
      const end = this.#readFrame(bytes, at);
      if (end >= 0) {
        at = end;
      } else if (end === INCOMPLETE && bytes.length - at <= TAIL_BYTES_MAX) {
        this.#tail = Buffer.from(bytes.subarray(at)); // a copy: the chunk is not kept for it
        return;
      } else {
        this.#standAside(bytes.subarray(at));
        return;
      }
    }
  }

  /** The socket has ended or closed, and ws has not read yet what is left in it. */
  end(): void {
    const tail = this.#tail;
    this.#tail = null; // first: what ws makes of it may resume
    if (tail !== null) this.pass.call(this.socket, tail);
  }

  /** Returns where the frame ends. */
  #readFrame(bytes: Buffer, at: number): number {
    const kind = bytes[at] as number;
    const isControl = kind === PING || kind === PONG;
    if (kind !== TEXT && kind !== BINARY && !isControl) return FOREIGN;
    if (at + 2 > bytes.length) return INCOMPLETE;
    let length = (bytes[at + 1] as number) - MASKED;
    if (length < 0 || length > (isControl ? CONTROL_LENGTH_MAX : LENGTH_16_BITS)) return FOREIGN;
    let start = at + 2 + MASK_BYTES;
    if (length === LENGTH_16_BITS) {
      if (at + 4 > bytes.length) return INCOMPLETE;
      length = bytes.readUInt16BE(at + 2);
      start += 2;
    }
    if (length > this.payloadBytesMax) return FOREIGN;
    const end = start + length;
    if (end > bytes.length) return INCOMPLETE;
    if (isControl) {
      this.pass.call(this.socket, bytes.subarray(at, end));
      return end;
    }
    unmask(bytes, start, end);
    const payload = bytes.subarray(start, end);
    if (kind === TEXT && !isUtf8(payload)) {
      unmask(bytes, start, end); // back to what it was
      return FOREIGN;
    }
    this.ws.emit('message', payload, kind === BINARY);
    return end;
  }

  #standAside(bytes: Buffer): void {
    this.socket.on('data', this.pass);
    this.socket.off('data', onData);
    this.socket.off('end', onEnd);
    this.socket.off('close', onEnd);
    this.pass.call(this.socket, bytes);
  }
}

function onData(this: Socket, chunk: Buffer): void {
  (this as ReadSocket)[READER].read(chunk);
}

function onEnd(this: Socket): void {
  (this as ReadSocket)[READER].end();
}

/** In place, with the mask that stands before `start`. Twice is not at all. */
function unmask(bytes: Buffer, start: number, end: number): void {
  const mask0 = bytes[start - 4] as number;
  const mask1 = bytes[start - 3] as number;
  const mask2 = bytes[start - 2] as number;
  const mask3 = bytes[start - 1] as number;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    (bytes[at] as number) ^= mask0;
    (bytes[at + 1] as number) ^= mask1;
    (bytes[at + 2] as number) ^= mask2;
    (bytes[at + 3] as number) ^= mask3;
  }
  if (at < end) (bytes[at++] as number) ^= mask0;
  if (at < end) (bytes[at++] as number) ^= mask1;
  if (at < end) (bytes[at] as number) ^= mask2;
}
