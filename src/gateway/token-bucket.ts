/**
 * The classic token bucket, with debt: `take` may be refused, and what is refused is owed. Who goes on being
 * refused sinks, and `isExhausted` tells when the debt is as large as the bucket.
 */
export class TokenBucket {
  #tokens: number;
  #filledAt: number;

  /** @param now milliseconds, of the same clock as later calls */
  constructor(
    private readonly perSecond: number,
    private readonly burst: number,
    now: number,
  ) {
    this.#tokens = burst;
    this.#filledAt = now;
  }

  /** False: refused. */
  take(now: number): boolean {
    const filled = this.#tokens + ((now - this.#filledAt) * this.perSecond) / 1000;
    this.#tokens = (filled < this.burst ? filled : this.burst) - 1;
    this.#filledAt = now;
    return this.#tokens >= 0;
  }

  get isExhausted(): boolean {
    return this.#tokens <= -this.burst;
  }
}
