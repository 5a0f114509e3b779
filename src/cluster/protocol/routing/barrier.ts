/**
 * R11: a connection is shown as open only when every peer has applied the announcement of its user, or after
 * `barrierMs` with those that have not declared late. Late peers are not cut off (restarts and snapshots under overload
 * would feed themselves); they are named, and their lateness lasts until they catch up. One that is late and has acked
 * nothing for as long is absent: further connections are added to what it is late with, without waiting for it.
 *
 * Announcement numbers of newly announced users only grow, so those who wait form a queue. A second device of a user
 * announced earlier may wait a little behind others: never longer than the bound.
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
    /** Set while somebody waits: when the time of the oldest is over. */
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

  /** Lets those through whose time is over; returns the newest announcement among them, 0 if there was none. */
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
