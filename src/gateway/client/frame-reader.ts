/**
 * Theory of operation.
 *
 * Nearly every frame of a client is final, and whole in the chunk that the socket read. ws' receiver handles all kinds of
 * frames, makes six views and a pass through a stream for each, and unmasks byte by byte. So plain frames are read here,
 * in place, with one view each. A frame that is cut between two chunks is joined: it alone is copied. A frame that is not
 * plain goes to ws unchanged, from its first byte on. So does everything after it: ws reads all further frames of a client
 * that fragments or closes.
 *
 * Rules.
 * - Only ws refuses frames. Nothing is accepted here that ws would not accept. A wrong frame is left to ws unchanged,
 *   because ws knows the close codes (RFC 6455 7.4.1). A spec compares the two on the same bytes.
 * - Pings, and pongs with data, are passed to ws whole, and reading goes on here.
 * - When a message's listener pauses the socket, the rest of the chunk (at most 64 KiB) waits as bytes, a closing
 *   handshake too. ws would read on to the end of the chunk, and the messages would have to be kept somewhere.
 * - When the socket ends or closes while it is paused, ws gets the bytes that wait here.
 * - When a chunk was read and not all of it became messages, `ws` emits `unread`, so that the rest is counted.
 * - With compression a frame has to be inflated first: this reader is not used then.
 */
import { isUtf8 } from 'node:buffer';
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { LENGTH_16_BITS, LENGTH_64_BITS, MASK_BYTES, UnfinishedFrame } from './unfinished-frame.js';
import { unmask } from './unmasking.js';

/** Opcodes with FIN set and no reserved bit (RFC 6455 5.2). */
const TEXT = 0x81;
const BINARY = 0x82;
const PING = 0x89;
const PONG = 0x8a;

const MASKED = 0x80;
const CONTROL_LENGTH_MAX = 125;
const EMPTY = Buffer.alloc(0);

/** Why no frame was read at the beginning of the bytes. */
const INCOMPLETE = -1;
const FOREIGN = -2;

const READER = Symbol('frame reader');
/** An event of `ws`: what was read last may not be handled yet. */
export const UNREAD = 'unread';

type ReadSocket = Socket & { [READER]: FrameReader };
type DataListener = (this: Socket, chunk: Buffer) => void;

export class FrameReader {
  /** The frame that the last chunk ended in. */
  #unfinished: UnfinishedFrame | null = null;
  /** Bytes not read yet, after it: what followed the frame that paused the socket. */
  #rest: Buffer | null = null;
  /** Memory that they keep: that of their whole chunk. */
  #restBytes = 0;

  private constructor(
    private readonly ws: WebSocket,
    private readonly socket: Socket,
    /** ws' own listener. */
    private readonly pass: DataListener,
    private readonly payloadBytesMax: number,
  ) {}

  /**
   * Replaces ws' listener on the socket; `ws` emits messages as before. Returns null when ws' listener was kept.
   * @param payloadBytesMax the same limit that ws has
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

  /** Memory of bytes that were not read yet. */
  get heldBytes(): number {
    return (this.#unfinished?.heldBytes ?? 0) + (this.#rest === null ? 0 : this.#restBytes);
  }

  /** The next chunk of the socket. */
  read(chunk: Buffer): void {
    this.#read(this.#rest === null ? chunk : Buffer.concat([this.#rest, chunk]));
    if (this.#rest !== null || this.#unfinished !== null) this.ws.emit(UNREAD);
  }

  /** `ws` was resumed. */
  resume(): void {
    if (this.#rest !== null) this.#read(this.#rest);
  }

  #read(bytes: Buffer): void {
    this.#rest = null;
    let at = 0;
    while (at < bytes.length) {
      if (this.ws.isPaused) {
        this.#rest = bytes.subarray(at);
        this.#restBytes = bytes.length;
        return;
      }
      const unfinished = this.#unfinished;
      if (unfinished === null) {
        const end = this.#readFrame(bytes, at);
        if (end === FOREIGN) {
          this.#standAside(bytes.subarray(at));
          return;
        }
        if (end === INCOMPLETE) this.#unfinished = new UnfinishedFrame();
        else at = end;
      } else {
        at = unfinished.add(bytes, at);
        this.#unfinished = null;
        const end = this.#readFrame(unfinished.bytes, 0);
        if (end === FOREIGN) {
          this.#standAside(unfinished.bytes, bytes.subarray(at));
          return;
        }
        if (end === INCOMPLETE) this.#unfinished = unfinished;
      }
    }
  }

  /** The socket has ended or closed. ws gets what waits here before it reads what is left in the socket. */
  end(): void {
    const unfinished = this.#unfinished?.bytes;
    const rest = this.#rest;
    this.#unfinished = this.#rest = null; // before the calls, which may cause a `resume`
    if (unfinished !== undefined) this.pass.call(this.socket, unfinished);
    if (rest !== null) this.pass.call(this.socket, rest);
  }

  /** Returns where the frame ends. */
  #readFrame(bytes: Buffer, at: number): number {
    const kind = bytes[at] as number;
    const isControl = kind === PING || kind === PONG;
    if (kind !== TEXT && kind !== BINARY && !isControl) return FOREIGN;
    if (at + 2 > bytes.length) return INCOMPLETE;
    let length = (bytes[at + 1] as number) - MASKED;
    if (length < 0 || (isControl && length > CONTROL_LENGTH_MAX)) return FOREIGN;
    let start = at + 2 + MASK_BYTES;
    if (length === LENGTH_16_BITS) {
      if (at + 4 > bytes.length) return INCOMPLETE;
      length = bytes.readUInt16BE(at + 2);
      start += 2;
    } else if (length === LENGTH_64_BITS) {
      if (at + 10 > bytes.length) return INCOMPLETE;
      length = bytes.readUInt32BE(at + 2) * 2 ** 32 + bytes.readUInt32BE(at + 6);
      start += 8;
    }
    if (length > this.payloadBytesMax) return FOREIGN;
    const end = start + length;
    if (end > bytes.length) return INCOMPLETE;
    if (isControl) {
      // what nearly every client answers a heartbeat with: ws would take five times as long
      if (kind === PONG && length === 0) this.ws.emit('pong', EMPTY);
      else this.pass.call(this.socket, bytes.subarray(at, end));
      return end;
    }
    const isAscii = unmask(bytes, start, end);
    const payload = bytes.subarray(start, end);
    if (kind === TEXT && !isAscii && !isUtf8(payload)) {
      unmask(bytes, start, end); // masks it again, for ws
      return FOREIGN;
    }
    this.ws.emit('message', payload, kind === BINARY);
    return end;
  }

  /** ws gets these bytes, and everything after them. */
  #standAside(...chunks: readonly Buffer[]): void {
    this.socket.on('data', this.pass);
    this.socket.off('data', onData);
    this.socket.off('end', onEnd);
    this.socket.off('close', onEnd);
    for (const chunk of chunks) this.pass.call(this.socket, chunk);
    this.socket.on('data', onPassed);
    this.ws.emit(UNREAD);
  }

  /** ws has read a chunk. */
  passed(): void {
    this.ws.emit(UNREAD);
  }
}

function onData(this: Socket, chunk: Buffer): void {
  (this as ReadSocket)[READER].read(chunk);
}

function onPassed(this: Socket): void {
  (this as ReadSocket)[READER].passed();
}

function onEnd(this: Socket): void {
  (this as ReadSocket)[READER].end();
}
