/**
 * Whether this node slept: it was called much later than it asked to be. A peer that seems late then may only have waited
 * for us, and its datagrams may still lie in the sockets.
 */

/** A timeout that comes this late lets the sockets be read once before deadlines are judged, at most once a second. */
const DOZE_MS = 20;
const DOZE_AGAIN_MS = 1_000;

export class Sleep {
  /** When we last asked to be called. */
  #dueAt = Infinity;
  #wokeAt = -Infinity;
  #judgeAt = -Infinity;

  /** `longMs`: a longer sleep is forgiven to all peers. */
  constructor(private readonly longMs: number) {}

  /** Before this time no peer is judged for missing datagrams: the sockets are read after timers. */
  get judgeAt(): number {
    return this.#judgeAt;
  }

  /** We ask to be called at this time; Infinity: we ask no more. */
  expectCall(at: number): void {
    this.#dueAt = at;
  }

  /** We are called. Returns how long a sleep ends now that is to be forgiven; 0: none. */
  noticeCall(now: number): number {
    const sleptMs = now - Math.max(this.#dueAt, this.#wokeAt);
    if (sleptMs > DOZE_MS && now > this.#judgeAt + DOZE_AGAIN_MS) this.#judgeAt = now + 1;
    if (sleptMs <= this.longMs) return 0;
    // The same sleep shows again at the timeout that is still due. It is forgiven only once.
    this.#wokeAt = now;
    return sleptMs;
  }
}
