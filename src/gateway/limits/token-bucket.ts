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

  /** False: refused. What costs more than the bucket holds costs all of it: else it could never be had. */
  take(now: number, cost: number): boolean {
    this.fill(now);
    this.#tokens -= Math.min(cost, this.burst);
    return this.#tokens >= 0;
  }

  /** As `take`, for callers that are not one and the same: what some are refused must not be owed by others. */
  takeWithoutDebt(now: number): boolean {
    this.fill(now);
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  /** Up to the burst, with what has come since the last time. */
  fill(now: number): void {
    if (this.#tokens < this.burst) {
      this.#tokens = Math.min(this.burst, this.#tokens + this.#filledSince(now));
    }
    this.#filledAt = now;
  }

  /** As `fill`, and beyond the burst: for time in which nobody was let take. */
  catchUp(now: number): void {
    this.#tokens += this.#filledSince(now);
    this.#filledAt = now;
  }

  get isExhausted(): boolean {
    return this.#tokens <= -this.burst;
  }

  #filledSince(now: number): number {
    return ((now - this.#filledAt) * this.perSecond) / 1000;
  }
}
