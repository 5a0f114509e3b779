/** By a clock that nobody sets. */
const STEADY_MS = 10_000;
const SPREAD_MS = 2000;

/** How long to wait before the next attempt: full jitter, so that many clients do not come in step. */
export class Backoff {
  #failures = 0;
  #openedAt = 0;

  /** Waits lie between these; the upper bound is reached by doubling. */
  constructor(
    private readonly minMs: number,
    private readonly maxMs: number,
  ) {}

  opened(): void {
    this.#openedAt = performance.now();
  }

  /** Only one thing went wrong since the start, or since ten good seconds. */
  get isFirst(): boolean {
    return this.#failures === 1;
  }

  /** After an attempt that came to nothing. */
  failed(): number {
    return this.minMs + Math.random() * (this.#nextCeiling() - this.minMs);
  }

  /**
   * After a connection that was open. A node that ends drops all its clients in one moment: they come back spread over
   * two seconds at least.
   */
  broke(): number {
    // one that breaks at once must not be tried as if all were well
    if (performance.now() - this.#openedAt >= STEADY_MS) this.#failures = 0;
    return Math.random() * Math.max(SPREAD_MS, this.#nextCeiling());
  }

  #nextCeiling(): number {
    this.#failures += 1;
    return Math.min(this.maxMs, this.minMs * 2 ** this.#failures);
  }
}
