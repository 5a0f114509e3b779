/** How long one turn of the event loop may work on it: others wait no longer. */
const SLICE_MS = 4;

/**
 * Items that wait to be worked on, each once, in order. They are collected for a while. The work on what was collected goes
 * on in later turns when it takes too long. What is added meanwhile, by the work itself too, is collected anew.
 */
export class InSlices<T> {
  #collected = new Set<T>();
  #inWork = new Set<T>();
  #timer: NodeJS.Timeout | undefined;
  #next: NodeJS.Immediate | undefined;

  constructor(
    private readonly work: (item: T) => void,
    private readonly collectMs: number,
  ) {}

  add(item: T): void {
    if (this.#inWork.has(item)) return;
    this.#collected.add(item);
    this.#collect();
  }

  remove(item: T): void {
    this.#collected.delete(item);
    this.#inWork.delete(item);
  }

  stop(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#next);
  }

  #collect(): void {
    if (this.#next === undefined) this.#timer ??= setTimeout(this.#begin, this.collectMs);
  }

  readonly #begin = (): void => {
    this.#timer = undefined;
    [this.#inWork, this.#collected] = [this.#collected, this.#inWork];
    this.#run();
  };

  readonly #run = (): void => {
    this.#next = undefined;
    const start = performance.now();
    for (const item of this.#inWork) {
      this.#inWork.delete(item);
      this.work(item);
      if (performance.now() - start <= SLICE_MS || this.#inWork.size === 0) continue;
      this.#next = setImmediate(this.#run);
      return;
    }
    if (this.#collected.size > 0) this.#collect();
  };
}
