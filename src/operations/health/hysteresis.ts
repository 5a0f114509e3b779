/**
 * A judgement that changes slowly, in both directions. `isOver` becomes true when a value has stayed above `above` for
 * `riseMs`, and false when it has stayed below `below` for `fallMs`. In between it does not change.
 */
export class Hysteresis {
  #isOver = false;
  #since: number | null = null;

  constructor(
    private readonly limits: {
      readonly above: number;
      readonly below: number;
      readonly riseMs: number;
      readonly fallMs: number;
    },
  ) {}

  get isOver(): boolean {
    return this.#isOver;
  }

  /** @param now milliseconds of a monotonic clock */
  observe(value: number, now: number): void {
    const { above, below, riseMs, fallMs } = this.limits;
    const isTurning = this.#isOver ? value < below : value > above;
    if (!isTurning) {
      this.#since = null;
      return;
    }
    this.#since ??= now;
    if (now - this.#since < (this.#isOver ? fallMs : riseMs)) return;
    this.#isOver = !this.#isOver;
    this.#since = null;
  }
}
