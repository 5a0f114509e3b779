/**
 * R11: the queue of connections that wait to be shown as open. A connection waits until every peer has applied the
 * announcement of its address, and at most `barrierMs`. The peers that have not applied it by then are late
 * (`BarrierStanding`). They are reported, and not cut off: under overload the new sessions would cause more overload.
 *
 * Each new announcement has a higher number, so those that wait form a queue. A second connection for an address that was
 * announced earlier may wait behind others, but never longer than `barrierMs`.
 */
import { Fifo } from '../fifo.js';
import type { Timer } from '../timers.js';

interface Waiting {
  readonly token: number;
  readonly announcedIn: number;
  readonly deadline: number;
  isCancelled: boolean;
}

export class Barrier {
  readonly #queue = new Fifo<Waiting>();
  readonly #byToken = new Map<number, Waiting>();

  constructor(
    private readonly barrierMs: number,
    /** Set while a connection waits: when the time of the oldest one is over. */
    private readonly timer: Timer,
    private readonly reachable: (now: number, token: number, announcedIn: number, isInTime: boolean) => void,
  ) {}

  wait(now: number, token: number, announcedIn: number): void {
    const waiting = { token, announcedIn, deadline: now + this.barrierMs, isCancelled: false };
    this.#queue.push(waiting);
    this.#setTimer();
    this.#byToken.set(token, waiting);
  }

  cancel(token: number): void {
    const waiting = this.#byToken.get(token);
    if (waiting === undefined) return;
    waiting.isCancelled = true;
    this.#byToken.delete(token);
  }

  /** Every peer has applied our broadcast stream up to `applied`. */
  advance(now: number, applied: number): void {
    for (;;) {
      const first = this.#queue.peek();
      if (first === undefined || (!first.isCancelled && first.announcedIn > applied)) return;
      this.#release(now, first, true);
    }
  }

  /** Ends the wait of connections whose time is over. Returns the newest announcement among them, or 0. */
  expire(now: number): number {
    let newest = 0;
    for (;;) {
      const first = this.#queue.peek();
      if (first === undefined || (!first.isCancelled && first.deadline > now)) return newest;
      if (!first.isCancelled) newest = Math.max(newest, first.announcedIn);
      this.#release(now, first, false);
    }
  }

  #release(now: number, first: Waiting, isInTime: boolean): void {
    this.#queue.shift();
    this.#setTimer();
    if (first.isCancelled) return;
    this.#byToken.delete(first.token);
    this.reachable(now, first.token, first.announcedIn, isInTime);
  }

  #setTimer(): void {
    this.timer.set(this.#queue.peek()?.deadline ?? Infinity);
  }
}
