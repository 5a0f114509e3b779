/**
 * Our sessions with peers that we have dropped. Such a peer takes our broadcast records until it knows: until it reads a
 * report that does not list it, or has heard none for so long that it drops us. Until then what we write for others by
 * broadcast must name these sessions among those that ignore it. The peer is not asked for a receipt. And if it is met
 * anew, it gets what is for it by unicast.
 */
interface FormerSession {
  readonly id: number;
  readonly endedAt: number;
}

/** Only a cluster that falls apart has more at once. There is no room for more in a message either. */
const KEPT_MAX = 256;

export class FormerSessions {
  /** The oldest first. */
  #sessions: readonly FormerSession[] = [];

  get size(): number {
    return this.#sessions.length;
  }

  get ids(): number[] {
    return this.#sessions.map(({ id }) => id);
  }

  add(now: number, id: number): void {
    this.#sessions = [...this.#sessions.slice(1 - KEPT_MAX), { id, endedAt: now }];
  }

  /** Forgets those that ended before `time`. */
  forgetBefore(time: number): void {
    if (this.#sessions.length === 0) return;
    this.#sessions = this.#sessions.filter(({ endedAt }) => endedAt >= time);
  }

  /** For `ms` we slept, or nothing was carried: no peer has heard from us meanwhile. */
  forgive(ms: number): void {
    this.#sessions = this.#sessions.map(({ id, endedAt }) => ({ id, endedAt: endedAt + ms }));
  }
}
