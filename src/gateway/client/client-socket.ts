import { WebSocket } from 'ws';
import { CLOSES } from '../../wire/codes.js';
import type { ClientConnection } from './client-connection.js';
import type { FrameReader } from './frame-reader.js';

type Data = Parameters<WebSocket['send']>[0];

/**
 * The ws socket of one client: what gateways' handlers get as their client. Its `connection` says who it is.
 * Text sent through it shares the connection's queue and limit with everything else.
 */
export class ClientSocket extends WebSocket {
  declare connection: ClientConnection;
  /** Reads plain frames in ws' place. */
  declare reader: FrameReader | null;
  #isDeflating: boolean | undefined;

  /** Frames must go through ws, which compresses them one after the other. */
  get isDeflating(): boolean {
    // ws lists its extensions anew each time it is asked, and this is asked for every message
    return (this.#isDeflating ??= this.extensions !== '');
  }

  override send(data: Data, ...rest: unknown[]): void {
    if (typeof data === 'string' && rest.length === 0) {
      this.connection.sendText(data);
      return;
    }
    // binary or with options: behind what is queued, so that the order is kept
    this.connection.flush();
    this.sendNow(data, ...rest);
  }

  override resume(): void {
    super.resume();
    this.reader?.resume();
  }

  /** Straight into ws, past the queue. For the connection itself. */
  sendNow(data: Data, ...rest: unknown[]): void {
    (super.send as (...args: unknown[]) => void).call(this, data, ...rest);
  }

  /** Called by ws itself too: when the client closes, and when it breaks the protocol (without a reason then). */
  override close(code?: number, reason?: string | Buffer): void {
    this.connection.closing();
    super.close(code, reason ?? (code === undefined ? undefined : PROTOCOL_REASONS.get(code)));
  }
}

const PROTOCOL_REASONS = new Map<number, string>(
  [CLOSES.protocol_error, CLOSES.bad_utf8, CLOSES.policy_violation, CLOSES.too_big].map(
    ({ code, reason }) => [code, reason],
  ),
);
