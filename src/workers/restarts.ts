/** When one worker dies so often within so long a time, starting it again does not help. */
const DEATHS_MAX = 5;
const DEATHS_WITHIN_MS = 60_000;
/** The wait before a start. It doubles with each death. For a worker that has lived long enough it is short again. */
const BACKOFF_MS = { first: 100, longest: 30_000, forgottenAfter: 60_000 };
/** The random part of the wait: workers that die together must not be started together. */
const JITTER = { least: 0.5, most: 1 };

/** When a worker that has died is started again. */
export class Restarts {
  #deaths: number[] = [];
  #inARow = 0;

  constructor(
    private readonly now: () => number = () => performance.now(),
    private readonly random: () => number = Math.random,
  ) {}

  /**
   * The worker has died.
   *
   * @param livedMs how long it had been serving
   * @returns the milliseconds to wait before it is started again; null: it keeps dying
   */
  died(livedMs: number): number | null {
    const now = this.now();
    this.#deaths = [...this.#deaths.filter((at) => now - at < DEATHS_WITHIN_MS), now];
    if (this.#deaths.length >= DEATHS_MAX) return null;
    if (livedMs >= BACKOFF_MS.forgottenAfter) this.#inARow = 0;
    const longest = Math.min(BACKOFF_MS.longest, BACKOFF_MS.first * 2 ** this.#inARow++);
    return longest * (JITTER.least + this.random() * (JITTER.most - JITTER.least));
  }
}
