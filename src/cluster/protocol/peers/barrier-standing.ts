/**
 * How far a peer has applied our broadcast stream, and whether connections wait for it (R11).
 *
 * current  connections wait for its acks
 * late     a connection was opened before it had acked the announcement; until it has
 * absent   it is late, and has acked nothing for as long as a connection waits: further connections do not wait for it
 */
import { next, type Transitions } from '../transitions.js';

export type BarrierState = 'current' | 'late' | 'absent';
export type BarrierEvent = 'open' | 'fallBehind' | 'progress' | 'catchUp' | 'giveUp';

const TRANSITIONS: Transitions<BarrierState, BarrierEvent> = {
  current: { open: 'current', fallBehind: 'late', catchUp: 'current' },
  late: { open: 'late', fallBehind: 'late', progress: 'late', catchUp: 'current', giveUp: 'absent' },
  absent: { open: 'late', fallBehind: 'absent', progress: 'late', catchUp: 'current', giveUp: 'absent' },
};

export class BarrierStanding {
  #state: BarrierState = 'current';
  #acked = 0;
  #ackedAt = -Infinity;
  /** Connections announced up to here were opened without its ack. */
  #lateTo = 0;
  #lateToldAt = -Infinity;

  get state(): BarrierState {
    return this.#state;
  }

  /** R6: how much of our broadcast stream it has acked as applied. The highest value of all sessions. */
  get acked(): number {
    return this.#acked;
  }

  get isLate(): boolean {
    return this.#state !== 'current';
  }

  get isAbsent(): boolean {
    return this.#state === 'absent';
  }

  /** A new session has begun: connections wait for it again. */
  open(): void {
    this.#move('open');
  }

  /** It has applied our broadcast stream up to there. Returns false if that was known. */
  ack(now: number, applied: number): boolean {
    if (applied <= this.#acked) return false;
    this.#acked = applied;
    this.#ackedAt = now;
    this.#move(applied < this.#lateTo ? 'progress' : 'catchUp');
    return true;
  }

  /** A connection was announced in that record, and did not wait for its ack. */
  owe(announcedIn: number): void {
    this.#lateTo = Math.max(this.#lateTo, announcedIn);
    if (this.#acked < this.#lateTo) this.#move('fallBehind');
  }

  /**
   * The same, for a connection whose wait timed out. True: report it. A peer that stays late is reported every `ms`.
   */
  markLate(now: number, announcedIn: number, ms: number): boolean {
    const isTold = !this.isLate || now - this.#lateToldAt >= ms;
    if (isTold) this.#lateToldAt = now;
    this.owe(announcedIn);
    return isTold;
  }

  /** It owes us acks. True: it has acked nothing for `ms`, and connections do not wait for it any more. */
  giveUpAfter(now: number, ms: number): boolean {
    if (now - this.#ackedAt < ms) return false;
    this.#move('giveUp');
    return true;
  }

  #move(event: BarrierEvent): void {
    this.#state = next(TRANSITIONS, this.#state, event);
  }
}
