/** Measured by the monotonic clock, which nobody can set. */
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

  /** Whether there was only one failure since the start, or since a connection that stayed open for ten seconds. */
  get isFirst(): boolean {
    return this.#failures === 1;
  }

  /** The wait after an attempt that failed. */
  failed(): number {
    return this.minMs + Math.random() * (this.#nextCeiling() - this.minMs);
  }

  /**
   * The wait after an open connection broke. A node that ends drops all its clients at once: they come back spread over
   * two seconds at least.
   */
  broke(): number {
    // a connection that breaks at once does not reset the count of failures
    if (performance.now() - this.#openedAt >= STEADY_MS) this.#failures = 0;
    return Math.random() * Math.max(SPREAD_MS, this.#nextCeiling());
  }

  #nextCeiling(): number {
    this.#failures += 1;
    return Math.min(this.maxMs, this.minMs * 2 ** this.#failures);
  }
}
