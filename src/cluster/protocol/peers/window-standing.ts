/**
 * Whether the broadcast window waits for a peer.
 *
 * in-step   it keeps up
 * blocking  it shuts the window while others are ahead
 * laggard   it kept a record waiting for too long, or did not even answer: the window does not wait for it
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
  /** When its last STATUS of this session came, also one that acks nothing new. */
  #answeredAt = -Infinity;

  constructor(private readonly timing: Timing) {}

  get state(): WindowState {
    return this.#state;
  }

  /** The window does not wait for it. It has to rejoin if it needs a record that is freed meanwhile. */
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

  /** The window has waited for it for long enough. */
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

  /** Until when a blocking peer is waited for, when a record has waited since `waitingSince`. */
  patienceEndsAt(waitingSince: number): number {
    const { laggardAfterMs, unheardAfterMs } = this.timing;
    return Math.min(
      Math.max(this.#blockingSince, waitingSince) + laggardAfterMs,
      Math.max(this.#blockingSince, this.#answeredAt) + unheardAfterMs,
    );
  }

  /** This node slept for `ms`. That does not count against the peer. */
  forgive(ms: number): void {
    this.#blockingSince += ms;
  }

  #move(event: WindowEvent): void {
    this.#state = next(TRANSITIONS, this.#state, event);
    if (this.#state !== 'blocking') this.#blockingSince = Infinity;
  }
}
