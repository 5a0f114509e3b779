/** How long one turn of the event loop may work on it: others wait no longer. */
const SLICE_MS = 4;

/** Items that wait to be worked on, each once, in order. It goes on in later turns when it takes too long. */
export class InSlices<T> {
  readonly #items = new Set<T>();
  #timer: NodeJS.Timeout | undefined;
  #next: NodeJS.Immediate | undefined;

  constructor(
    private readonly work: (item: T) => void,
    /** Items are collected for so long before the work on them begins. */
    private readonly collectMs: number,
  ) {}

  add(item: T): void {
    this.#items.add(item);
    if (this.#next === undefined) this.#timer ??= setTimeout(this.#run, this.collectMs);
  }

  remove(item: T): void {
    this.#items.delete(item);
  }

  stop(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#next);
  }

  readonly #run = (): void => {
    this.#timer = undefined;
    this.#next = undefined;
    const start = performance.now();
    for (const item of this.#items) {
      this.#items.delete(item);
      this.work(item);
      if (performance.now() - start <= SLICE_MS || this.#items.size === 0) continue;
      this.#next = setImmediate(this.#run);
      return;
    }
  };
}
