/**
 * How large the datagrams to one peer may be. Nobody configures it, the node finds out, as RFC 8899 describes it for
 * paths ("packetization layer path MTU discovery").
 *
 * Theory of operation. Every path takes the smallest size. When a turn has more to send than one such datagram takes, the
 * next larger size is searched for: a probe of that size goes out, and the peer answers what arrives. Beyond the MTU of
 * the network the kernel cuts a datagram into fragments. One lost fragment loses the whole datagram, and some firewalls
 * drop all of them. So a size is watched also after a probe of it was answered: for every larger datagram the node
 * notes whether it was acked or had to be asked for again.
 *
 *   settled    nothing larger is searched for before `retryAt`
 *   searching  a probe of the next size is out, and repeated `pathProbes` times
 *
 * Rules.
 * - A probe's answer speaks for its own peer and its own size, and only while it is waited for.
 * - Loss: when more than one in 50 of the larger datagrams is lost, the next smaller size is used. When more than half
 *   are, the smallest: that is a path that has begun to drop fragments (RFC 8899 4.3, "black hole").
 * - After either, and after a probe without an answer, there is a pause, which doubles up to `pathRetryMaxMs`. Then one
 *   step is tried, not all. A size that holds for `WATCHED` datagrams makes the pause short again.
 * - Another address is another path: what was known of the old one is forgotten.
 * - Repairs go out in datagrams of the smallest size. So what a larger one lost needs no working fragments to arrive.
 */
import type { Timing } from '../options.js';
import type { Timer } from '../timers.js';
import { next, type Transitions } from '../transitions.js';

export type PathState = 'settled' | 'searching';
export type PathEvent = 'search' | 'settle';

const TRANSITIONS: Transitions<PathState, PathEvent> = {
  settled: { search: 'searching', settle: 'settled' },
  searching: { search: 'searching', settle: 'settled' },
};

/** Fewer losses may be chance. */
const LOST_MIN = 3;
const LOSS_MAX = 1 / 50;
const BLACK_HOLE_LOSS = 1 / 2;
/** A size has held after so many datagrams. `LOSS_MAX` of half of them is `LOST_MIN`. */
const WATCHED = 256;

/** A larger datagram on its way: the first and the last of its records. */
interface Flight {
  readonly first: number;
  readonly last: number;
}

export class PathSize {
  #state: PathState = 'settled';
  /** Index of the size in use. */
  #level = 0;
  /** Index of the largest size that this search goes to. */
  #goal: number;
  #probes = 0;
  #retryAt = -Infinity;
  #pauseMs: number;
  #flights: Flight[] = [];
  #arrived = 0;
  #lost = 0;

  constructor(
    /** From the one that every path takes to the largest that is tried. */
    private readonly sizes: readonly number[],
    private readonly timing: Timing,
    /** Set while a probe is out, or due. */
    private readonly timer: Timer,
  ) {
    this.#goal = sizes.length - 1;
    this.#pauseMs = timing.pathRetryMs;
  }

  get state(): PathState {
    return this.#state;
  }

  /** The largest datagram that may be sent now. */
  get bytes(): number {
    return this.sizes[this.#level] as number;
  }

  /** A turn has more to send than one datagram takes: a larger size would be used. */
  want(now: number): void {
    if (this.#state === 'searching' || this.#level === this.sizes.length - 1 || now < this.#retryAt) return;
    this.#move('search');
    // The first search goes as far as it gets. Later ones follow a failure.
    this.#goal = this.#retryAt === -Infinity ? this.sizes.length - 1 : this.#level + 1;
    this.#probes = 0;
    this.timer.set(now);
  }

  /** The time of a probe has come. Returns its size, or null: too many had no answer. */
  nextProbe(now: number): number | null {
    if (this.#probes === this.timing.pathProbes) {
      this.#fail(now, this.#level);
      return null;
    }
    this.#probes += 1;
    this.timer.set(now + this.timing.pathProbeMs);
    return this.sizes[this.#level + 1] as number;
  }

  /** The peer says that a probe of so many bytes has arrived. */
  confirm(now: number, bytes: number): void {
    if (this.#state !== 'searching' || bytes !== this.sizes[this.#level + 1]) return;
    this.#use(this.#level + 1);
    this.#probes = 0;
    if (this.#level < this.#goal) {
      this.timer.set(now);
      return;
    }
    this.#move('settle');
    this.timer.cancel();
    if (this.#retryAt !== -Infinity) this.#retryAt = now + this.#pauseMs;
  }

  /** A datagram with these records is larger than the smallest size. */
  noteSent(first: number, last: number): void {
    this.#flights.push({ first, last });
  }

  /** Everything up to this record has arrived. */
  noteAcked(sequence: number): void {
    const flights = this.#flights;
    let arrived = 0;
    while (arrived < flights.length && (flights[arrived] as Flight).last <= sequence) arrived += 1;
    if (arrived === 0) return;
    flights.splice(0, arrived);
    this.#arrived += arrived;
    if (this.#arrived + this.#lost < WATCHED) return;
    // What was counted so far weighs half as much from now on.
    this.#arrived >>= 1;
    this.#lost >>= 1;
    this.#pauseMs = this.timing.pathRetryMs;
  }

  /** The peer misses the records from `first` up to, and without, `end`. */
  noteMissing(now: number, first: number, end: number): void {
    if (this.#flights.length === 0) return;
    const kept = this.#flights.filter((flight) => flight.last < first || flight.first >= end);
    this.#lost += this.#flights.length - kept.length;
    this.#flights = kept;
    const all = this.#arrived + this.#lost;
    if (this.#lost < LOST_MIN) return;
    if (this.#lost > all * BLACK_HOLE_LOSS) this.#fail(now, 0);
    else if (this.#lost > all * LOSS_MAX) this.#fail(now, Math.max(0, this.#level - 1));
  }

  /** A new session: its records are numbered anew. */
  restart(): void {
    this.#flights = [];
  }

  /** The peer has another address. */
  forget(): void {
    this.#move('settle');
    this.timer.cancel();
    this.#use(0);
    this.#retryAt = -Infinity;
    this.#pauseMs = this.timing.pathRetryMs;
  }

  #fail(now: number, level: number): void {
    this.#move('settle');
    this.timer.cancel();
    if (level !== this.#level) this.#use(level);
    this.#retryAt = now + this.#pauseMs;
    this.#pauseMs = Math.min(this.#pauseMs * 2, this.timing.pathRetryMaxMs);
  }

  #use(level: number): void {
    this.#level = level;
    // Datagrams on their way have another size.
    this.#flights = [];
    this.#arrived = 0;
    this.#lost = 0;
  }

  #move(event: PathEvent): void {
    this.#state = next(TRANSITIONS, this.#state, event);
  }
}
