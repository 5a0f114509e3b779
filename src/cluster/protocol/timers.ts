/**
 * Deadlines. Whoever owns one sets its timer, and whoever drives the node asks the table for the next that expires: each
 * deadline stands in one place (after the TimerTable of quinn-proto).
 */
export class Timer {
  #at = Infinity;

  /** When it expires; Infinity: it is not set. */
  get at(): number {
    return this.#at;
  }

  get isSet(): boolean {
    return this.#at !== Infinity;
  }

  set(at: number): void {
    this.#at = at;
  }

  setIfSooner(at: number): void {
    if (at < this.#at) this.#at = at;
  }

  cancel(): void {
    this.#at = Infinity;
  }

  hasExpired(now: number): boolean {
    return this.#at <= now;
  }
}

/** The timers of a peer, or of a node, are the fields of a class that extends this. */
export abstract class TimerTable {
  readonly #timers: Timer[] = [];

  /** When the next of them expires; Infinity: none is set. */
  get next(): number {
    let next = Infinity;
    for (const { at } of this.#timers) if (at < next) next = at;
    return next;
  }

  protected timer(): Timer {
    const timer = new Timer();
    this.#timers.push(timer);
    return timer;
  }
}
