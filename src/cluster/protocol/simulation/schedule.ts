/**
 * The virtual clock: a heap of things to do, in order of time and, at one time, of their scheduling. Nothing else
 * in the simulation knows what time it is, and nothing waits.
 */
export class Schedule {
  now = 0;
  readonly #times: number[] = [];
  readonly #orders: number[] = [];
  readonly #actions: (() => void)[] = [];
  #scheduled = 0;

  at(time: number, action: () => void): void {
    let index = this.#times.length;
    const order = this.#scheduled++;
    const due = Math.max(time, this.now);
    this.#times.push(due);
    this.#orders.push(order);
    this.#actions.push(action);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.#comesBefore(index, parent)) break;
      this.#swap(index, parent);
      index = parent;
    }
  }

  after(delay: number, action: () => void): void {
    this.at(this.now + delay, action);
  }

  /** Does everything up to and including `end`. */
  runUntil(end: number): void {
    for (;;) {
      const time = this.#times[0];
      if (time === undefined || time > end) break;
      const action = this.#actions[0];
      this.#removeFirst();
      this.now = time;
      action?.();
    }
    this.now = end;
  }

  #removeFirst(): void {
    const last = this.#times.length - 1;
    this.#swap(0, last);
    this.#times.pop();
    this.#orders.pop();
    this.#actions.pop();
    let index = 0;
    for (;;) {
      const left = 2 * index + 1;
      if (left >= last) break;
      const child = left + 1 < last && this.#comesBefore(left + 1, left) ? left + 1 : left;
      if (!this.#comesBefore(child, index)) break;
      this.#swap(child, index);
      index = child;
    }
  }

  #comesBefore(one: number, other: number): boolean {
    const difference = (this.#times[one] ?? 0) - (this.#times[other] ?? 0);
    return difference < 0 || (difference === 0 && (this.#orders[one] ?? 0) < (this.#orders[other] ?? 0));
  }

  #swap(one: number, other: number): void {
    exchange(this.#times, one, other);
    exchange(this.#orders, one, other);
    exchange(this.#actions, one, other);
  }
}

function exchange(list: unknown[], one: number, other: number): void {
  const kept = list[one];
  list[one] = list[other];
  list[other] = kept;
}
