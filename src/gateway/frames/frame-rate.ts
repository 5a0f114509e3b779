import { Inject, Injectable } from '@nestjs/common';
import type { ConfigType } from '@nestjs/config';
import { readFrame } from '../../wire/incoming-frame.js';
import type { ClientConnection } from '../client/client-connection.js';
import { gatewayConfig } from '../gateway.config.js';
import { TokenBucket } from '../limits/token-bucket.js';

/**
 * How many bytes count as one frame. Reading them takes 0.2 ms at most, so a client at its rate costs a few
 * hundredths of a core. Nearly all messages are shorter. Of the longest by default, 64 KiB, a client may send 50 a
 * second.
 */
export const FRAME_BYTES = 16_384;

/**
 * How fast a client may send: WS_MESSAGES_PER_SECOND, with a burst. A long frame counts as several. Each frame beyond
 * the limit gets an error. A client that goes on until it owes a whole burst is closed. Pings and pongs count too: they
 * cost the server the same.
 */
@Injectable()
export class FrameRate {
  readonly #perSecond: number;
  readonly #burst: number;

  constructor(@Inject(gatewayConfig.KEY) config: ConfigType<typeof gatewayConfig>) {
    this.#perSecond = config.WS_MESSAGES_PER_SECOND;
    this.#burst = config.WS_MESSAGES_BURST;
  }

  admit(connection: ClientConnection, payload: Buffer, isBinary: boolean): boolean {
    if (this.#take(connection, Math.ceil(payload.length / FRAME_BYTES) || 1)) return true;
    connection.refuse('rate_limited', isBinary ? null : readFrame(payload).id);
    return false;
  }

  /**
   * Charges what a handled frame costs in addition, counted in frames. This may put the client into debt, and its next
   * frames are refused then. It never closes the client. At most half of the burst is charged, so that the client can
   * pay it.
   */
  charge(connection: ClientConnection, frames: number): void {
    if (frames === 0 || !this.#isLimited) return;
    this.#bucketOf(connection).take(performance.now(), Math.min(frames, this.#burst / 2));
  }

  /** A ping or pong of the client. */
  countControl(connection: ClientConnection): void {
    this.#take(connection, 1);
  }

  #take(connection: ClientConnection, cost: number): boolean {
    if (!this.#isLimited) return true;
    const bucket = this.#bucketOf(connection);
    if (bucket.take(performance.now(), cost)) return true;
    if (bucket.isExhausted) connection.closeFor('rate_limited');
    return false;
  }

  get #isLimited(): boolean {
    return this.#perSecond > 0 && this.#burst > 0;
  }

  #bucketOf({ intake }: ClientConnection): TokenBucket {
    return intake.bucket(this.#fullBucket);
  }

  // one function for all clients: it is handed over for each frame
  readonly #fullBucket = (): TokenBucket => new TokenBucket(this.#perSecond, this.#burst, performance.now());
}
