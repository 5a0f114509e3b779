/**
 * A token bucket that can go into debt. What `take` refuses is charged all the same, so the debt of a client that
 * goes on sending grows. `isExhausted` becomes true when the debt is as large as the bucket.
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

  /** Returns false to refuse. A cost above the burst counts as the whole burst: otherwise it could never be paid. */
  take(now: number, cost: number): boolean {
    this.fill(now);
    this.#tokens -= Math.min(cost, this.burst);
    return this.#tokens >= 0;
  }

  /**
   * Like `take`, but nothing is owed. For a bucket that several callers share: a refused one must not put others in
   * debt.
   */
  takeWithoutDebt(now: number): boolean {
    this.fill(now);
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  /** Adds the tokens since the last time, up to the burst. */
  fill(now: number): void {
    if (this.#tokens < this.burst) {
      this.#tokens = Math.min(this.burst, this.#tokens + this.#filledSince(now));
    }
    this.#filledAt = now;
  }

  /** Like `fill`, but also beyond the burst. For a time in which the client was not read and could not take. */
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
