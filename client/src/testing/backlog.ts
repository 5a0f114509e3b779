/** Keeps what comes until it is asked for. */
export class Backlog<T> {
  readonly #items: T[] = [];
  readonly #waiters: ((item: T) => void)[] = [];

  get size(): number {
    return this.#items.length;
  }

  add(item: T): void {
    const waiter = this.#waiters.shift();
    if (waiter === undefined) this.#items.push(item);
    else waiter(item);
  }

  async next(): Promise<T> {
    const item = this.#items.shift();
    return item ?? new Promise((resolve) => this.#waiters.push(resolve));
  }
}
