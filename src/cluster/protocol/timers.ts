/**
 * Deadlines. The part that owns a deadline sets its timer. `ClusterNode` asks the table which one expires next. So each
 * deadline stands in one place (after the TimerTable of quinn-proto).
 */
export class Timer {
  constructor(
    private readonly table: TimerTable,
    private readonly index: number,
  ) {}

  /** When it expires; Infinity: it is not set. */
  get at(): number {
    return this.table.at(this.index);
  }

  get isSet(): boolean {
    return this.at !== Infinity;
  }

  set(at: number): void {
    this.table.set(this.index, at);
  }

  setIfSooner(at: number): void {
    if (at < this.at) this.set(at);
  }

  cancel(): void {
    this.set(Infinity);
  }

  hasExpired(now: number): boolean {
    return this.at <= now;
  }
}

/** The timers of a peer, or of a node, are the fields of a class that extends this. */
export abstract class TimerTable {
  readonly #times: number[] = [];
  /** The smallest of them; NaN: to be found again. It is asked for far more often than it changes. */
  #next = Infinity;

  /** When the next of them expires; Infinity: none is set. */
  get next(): number {
    if (Number.isNaN(this.#next)) this.#next = this.#smallest();
    return this.#next;
  }

  at(index: number): number {
    return this.#times[index] as number;
  }

  set(index: number, at: number): void {
    const before = this.#times[index] as number;
    this.#times[index] = at;
    if (at <= this.#next) this.#next = at;
    else if (before === this.#next) this.#next = NaN;
  }

  /** What has expired by now expires a little later: after `delayMs` of each. */
  postponeExpired(now: number, delayMs: () => number): void {
    for (const [index, at] of this.#times.entries()) if (at <= now) this.set(index, now + delayMs());
  }

  protected timer(): Timer {
    return new Timer(this, this.#times.push(Infinity) - 1);
  }

  #smallest(): number {
    let smallest = Infinity;
    for (const at of this.#times) if (at < smallest) smallest = at;
    return smallest;
  }
}
