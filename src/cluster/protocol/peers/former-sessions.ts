/**
 * Our sessions with peers that we have dropped. Such a peer takes our broadcast records until it knows: until it reads a
 * report that does not list it, or has heard none for so long that it drops us. Until then what we write for others by
 * broadcast must name these sessions among those that ignore it. The peer is not asked for a receipt. And if it is met
 * anew, it gets what is for it by unicast.
 *
 * A session is forgotten after a time. But time alone proves nothing: a machine that is suspended is still in the session
 * when it goes on. So when the peer is met anew, its former sessions are kept until it has acked something in a new one.
 */
/** Only a cluster that falls apart has more at once. There is no room for more in a message either. */
const KEPT_MAX = 256;

export class FormerSessions {
  /** When each ended; Infinity: its peer was met anew, and may still be in it. Those that were added last come last. */
  readonly #endedAt = new Map<number, number>();

  get size(): number {
    return this.#endedAt.size;
  }

  get ids(): number[] {
    return [...this.#endedAt.keys()];
  }

  /** The session ends at `time`. Infinity: its peer is met anew. */
  add(time: number, id: number): void {
    this.#endedAt.delete(id);
    this.#endedAt.set(id, time);
    for (const oldest of this.#endedAt.keys()) {
      if (this.#endedAt.size <= KEPT_MAX) break;
      this.#endedAt.delete(oldest);
    }
  }

  /** The peer is in a newer session. */
  remove(id: number): void {
    this.#endedAt.delete(id);
  }

  /** Forgets those that ended before `time`. */
  forgetBefore(time: number): void {
    for (const [id, endedAt] of this.#endedAt) if (endedAt < time) this.#endedAt.delete(id);
  }

  /** For `ms` we slept, or nothing was carried: no peer has heard from us meanwhile. */
  forgive(ms: number): void {
    for (const [id, endedAt] of this.#endedAt) this.#endedAt.set(id, endedAt + ms);
  }
}
