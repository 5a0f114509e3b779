/** The round-trip time to a peer, smoothed as in TCP (RFC 6298). Only the answer to the last PING counts. */
export class RoundTrip {
  #ms: number | null = null;
  #token = 0;
  #sentAt = 0;

  /** Null: not known yet. */
  get ms(): number | null {
    return this.#ms;
  }

  /** A PING goes out. Returns what its answer has to repeat. */
  begin(now: number): number {
    this.#token = (this.#token + 1) >>> 0;
    this.#sentAt = now;
    return this.#token;
  }

  end(now: number, token: number): void {
    if (token !== this.#token) return;
    const ms = now - this.#sentAt;
    this.#ms = this.#ms === null ? ms : this.#ms * 0.875 + ms * 0.125;
  }
}
