/**
 * Whether the broadcast window waits for a peer. Slow is who keeps a record waiting for too long, gone who does not even
 * answer: neither is waited for any more, until it has caught up.
 */
import type { Timing } from '../options.js';
import { next, type Transitions } from '../transitions.js';

export type WindowState = 'in-step' | 'blocking' | 'laggard';
export type WindowEvent = 'open' | 'block' | 'release' | 'giveUp' | 'catchUp';

const TRANSITIONS: Transitions<WindowState, WindowEvent> = {
  'in-step': { open: 'in-step', block: 'blocking', release: 'in-step' },
  blocking: { open: 'in-step', release: 'in-step', giveUp: 'laggard' },
  laggard: { open: 'in-step', catchUp: 'in-step' },
};

export class WindowStanding {
  #state: WindowState = 'in-step';
  /** Since when it has held the window shut, alone or with others. */
  #blockingSince = Infinity;
  /** When it last said what it has of this session, be it nothing new. */
  #answeredAt = -Infinity;

  constructor(private readonly timing: Timing) {}

  get state(): WindowState {
    return this.#state;
  }

  /** It is not waited for, and will have to rejoin if it needs what is freed meanwhile. */
  get isLaggard(): boolean {
    return this.#state === 'laggard';
  }

  /** A new session has begun. */
  open(): void {
    this.#move('open');
  }

  /** It holds the window shut from now on. */
  block(now: number): void {
    this.#move('block');
    this.#blockingSince = now;
  }

  /** The window is open again, or somebody else holds it shut. */
  release(): void {
    if (this.#state !== 'in-step') this.#move('release');
  }

  /** The patience with it is over. */
  giveUp(): void {
    this.#move('giveUp');
  }

  /** A laggard is within the window again. */
  catchUp(): void {
    this.#move('catchUp');
  }

  noteAnswer(now: number): void {
    this.#answeredAt = now;
  }

  /** When the patience with one that blocks ends, if a record has waited for it since then. */
  patienceEndsAt(waitingSince: number): number {
    const { laggardAfterMs, unheardAfterMs } = this.timing;
    return Math.min(
      Math.max(this.#blockingSince, waitingSince) + laggardAfterMs,
      Math.max(this.#blockingSince, this.#answeredAt) + unheardAfterMs,
    );
  }

  /** We slept for so long: that does not count against it. */
  forgive(ms: number): void {
    this.#blockingSince += ms;
  }

  #move(event: WindowEvent): void {
    this.#state = next(TRANSITIONS, this.#state, event);
    if (this.#state !== 'blocking') this.#blockingSince = Infinity;
  }
}
