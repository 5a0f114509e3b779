/**
 * Whether datagrams are carried at all. A LAN always carries them; a broker can be away.
 *
 * Rules.
 * - R15: while nothing is carried, nothing is sent and no peer is judged. Deadlines that wait for a peer stand still. A
 *   message that a peer would get is refused, so that nothing queues up for the end of the outage. No answer is complete.
 *   Connections are let through at once, and every peer is named late with them.
 * - At the end of an outage the silence of every peer begins anew. What came due in it is spread over the time between two
 *   reports, because all nodes come back together. A peer that has not reported since then may have changed, so nothing is
 *   complete while there is one.
 *
 * up         datagrams are carried
 * away       they are not, since a moment ago
 * long-away  they have not been for so long that this node calls itself not ready
 */
import type { Timer } from './timers.js';
import { next, type Transitions } from './transitions.js';

export type CarriageState = 'up' | 'away' | 'long-away';
export type CarriageEvent = 'fail' | 'last' | 'return';

const TRANSITIONS: Transitions<CarriageState, CarriageEvent> = {
  up: { fail: 'away' },
  away: { fail: 'away', last: 'long-away', return: 'up' },
  'long-away': { fail: 'long-away', return: 'up' },
};

export class Carriage {
  #state: CarriageState = 'up';
  #outage: string | null = null;
  #awaySince = Infinity;
  #backAt = -Infinity;

  constructor(
    private readonly unreadyAfterMs: number,
    /** Set during an outage: when it has lasted for long. */
    private readonly timer: Timer,
  ) {}

  get state(): CarriageState {
    return this.#state;
  }

  get isUp(): boolean {
    return this.#state === 'up';
  }

  get isLongAway(): boolean {
    return this.#state === 'long-away';
  }

  /** Why nothing is carried, for people; null: it is. */
  get outage(): string | null {
    return this.#outage;
  }

  /** When the last outage ended; -Infinity: there was none. */
  get backAt(): number {
    return this.#backAt;
  }

  /** Nothing is carried from now on, or still nothing. False: that was known. */
  fail(now: number, outage: string): boolean {
    const isNew = this.isUp;
    this.#move('fail');
    this.#outage = outage;
    if (!isNew) return false;
    this.#awaySince = now;
    this.timer.set(now + this.unreadyAfterMs);
    return true;
  }

  /** The outage has lasted for long. */
  last(): void {
    this.#move('last');
    this.timer.cancel();
  }

  /** The outage ends now. Returns how long it was. */
  return(now: number): number {
    this.#move('return');
    const awayMs = now - this.#awaySince;
    this.#outage = null;
    this.#awaySince = Infinity;
    this.#backAt = now;
    this.timer.cancel();
    return awayMs;
  }

  /** This node slept for `ms`, which is forgiven already. */
  forgive(ms: number): void {
    this.#awaySince += ms;
  }

  #move(event: CarriageEvent): void {
    this.#state = next(TRANSITIONS, this.#state, event);
  }
}
