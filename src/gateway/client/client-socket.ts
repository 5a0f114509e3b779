import { WebSocket } from 'ws';
import { moduleFailed } from '../../telemetry/module-failures.js';
import { CLOSES } from '../../wire/codes.js';
import type { ClientConnection, WriteCallback } from './client-connection.js';
import type { FrameReader } from './frame-reader.js';
import type { Inflation } from './inflation.js';

type Data = Parameters<WebSocket['send']>[0];

/** RFC 6455 5.5. */
const CONTROL_BYTES_MAX = 125;

/**
 * The ws socket of one client: what gateways' handlers get as their client. Its `connection` says who it is.
 *
 * What a module sends through it shares the connection's queue and limit with everything else. What a module does
 * wrong with it is logged, with where it was called, and never thrown: it may be called from anywhere, a timer too.
 */
export class ClientSocket extends WebSocket {
  declare connection: ClientConnection;
  /** Stands before ws, and holds back what is not read while it is paused. */
  declare reader: FrameReader | Inflation | null;
  #isDeflating: boolean | undefined;

  /** Frames must go through ws, which compresses them one after the other. */
  get isDeflating(): boolean {
    // ws lists its extensions anew each time it is asked, and this is asked for every message
    return (this.#isDeflating ??= this.extensions !== '');
  }

  /** The callback, where there is one, gets the error of what was not sent. */
  override send(data: Data, ...rest: unknown[]): void {
    this.#submit('send to', sizeOf(data), rest, () => {
      if (typeof data === 'string' && rest.length === 0) {
        this.connection.sendText(data);
        return;
      }
      // binary or with options: behind what is queued, so that the order is kept
      this.connection.flush();
      this.sendNow(data, ...this.#watched(rest));
    });
  }

  /** Called by the core itself too. */
  override ping(...args: unknown[]): void {
    this.#submit('ping of', CONTROL_BYTES_MAX, args, () =>
      (super.ping as (...args: unknown[]) => void).apply(this, this.#watched(args)),
    );
  }

  /** Called by ws itself too: a client may ping without reading what it gets for it. */
  override pong(...args: unknown[]): void {
    this.#submit('pong to', CONTROL_BYTES_MAX, args, () =>
      (super.pong as (...args: unknown[]) => void).apply(this, this.#watched(args)),
    );
  }

  override resume(): void {
    super.resume();
    this.reader?.resume();
  }

  /** Straight into ws, past the queue. For the connection itself. */
  sendNow(data: Data, ...rest: unknown[]): void {
    (super.send as (...args: unknown[]) => void).call(this, data, ...rest);
  }

  /**
   * Called by ws itself too: when the client closes, and when it breaks the protocol (without a reason then). Where
   * ws takes no such code or reason the client is closed without them: a module that closes wants it gone.
   */
  override close(code?: number, reason?: string | Buffer): void {
    this.connection.flush();
    const said = reason ?? (code === undefined ? undefined : PROTOCOL_REASONS.get(code));
    try {
      super.close(code, said);
    } catch (error) {
      moduleFailed('socket', "A module's close of a client", error);
      this.#closeWithout(code);
    }
    this.connection.closing();
  }

  /** A listener of a module that throws costs its client's connection. */
  override emit(event: string | symbol, first?: unknown, second?: unknown): boolean {
    try {
      return super.emit(event, first, second);
    } catch (error) {
      moduleFailed('socket', `A listener of a client's "${String(event)}"`, error);
      this.connection.close('failed');
      return true;
    }
  }

  #submit(what: string, bytes: number, rest: unknown[], submit: () => void): void {
    let failure: unknown;
    try {
      this.connection.checkSize(bytes);
      if (this.connection.isClosing) {
        failure = new Error('the connection is being closed');
      } else if (this.connection.hasRoomFor(bytes)) {
        submit();
        this.connection.written();
        return;
      } else {
        failure = new Error('the client reads too slowly');
      }
    } catch (error) {
      moduleFailed('socket', `A module's ${what} a client`, error);
      failure = error;
    }
    callbackOf(rest)?.(failure as Error);
  }

  /** Arguments for ws, with a callback by which the connection sees that the write is done. */
  #watched(args: unknown[]): unknown[] {
    const callback = callbackOf(args);
    const others = callback === undefined ? args : args.slice(0, -1);
    return [...others, this.connection.writing(callback)];
  }

  #closeWithout(code: number | undefined): void {
    try {
      super.close(code);
    } catch {
      super.close(CLOSES.failed.code, CLOSES.failed.reason);
    }
  }
}

function callbackOf(args: unknown[]): WriteCallback | undefined {
  const last = args.at(-1);
  return typeof last === 'function' ? (last as WriteCallback) : undefined;
}

/** Bytes that ws would send of it. What it would refuse has none. */
function sizeOf(data: unknown): number {
  if (typeof data === 'string') return Buffer.byteLength(data);
  if (data instanceof Blob) return data.size;
  if (Array.isArray(data)) return data.length;
  if (ArrayBuffer.isView(data) || data instanceof ArrayBuffer) return data.byteLength;
  return 0;
}

const PROTOCOL_REASONS = new Map<number, string>(
  [CLOSES.protocol_error, CLOSES.bad_utf8, CLOSES.policy_violation, CLOSES.too_big].map(
    ({ code, reason }) => [code, reason],
  ),
);
