/**
 * A process's monotonic clock, as realistic as needed: it starts at any value, runs a little fast or slow, stands still
 * while a virtual machine is suspended, and leaps when one is moved.
 */
export class LocalClock {
  #base: number;
  #since: number;

  constructor(
    world: number,
    base: number,
    readonly rate: number,
  ) {
    this.#base = base;
    this.#since = world;
  }

  local(world: number): number {
    return this.#base + (world - this.#since) * this.rate;
  }

  world(local: number): number {
    return this.#since + (local - this.#base) / this.rate;
  }

  leap(milliseconds: number): void {
    this.#base += milliseconds;
  }
}
