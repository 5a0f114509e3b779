import type { Receipt } from './bus.js';

/** How long a receipt is waited for, as on the bus `udp`. */
const RECEIPT_TIMEOUT_MS = 900;

/** Adds up what the holders of an address answer, until all have, or the time is over. */
export class ReceiptAnswers {
  readonly #timer = setTimeout(() => this.end(), RECEIPT_TIMEOUT_MS).unref();
  #delivered = 0;
  #hasEnded = false;

  constructor(
    /** Holders that have not answered. */
    private missing: number,
    private readonly receipt: (receipt: Receipt) => void,
  ) {
    if (missing === 0) this.end();
  }

  add(delivered: number): void {
    this.#delivered += delivered;
    if (--this.missing === 0) this.end();
  }

  end(): void {
    clearTimeout(this.#timer);
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.receipt({ delivered: this.#delivered, complete: this.missing === 0 });
  }
}
