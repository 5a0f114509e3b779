/**
 * Whether a peer and this node list each other's sessions (R8).
 *
 * pending  they do not list each other yet, and that was not reported
 * mutual   both list each other
 * told     they do not list each other, and that was reported as a gap; it is reported once
 */
import { next, type Transitions } from '../transitions.js';

export type MutualState = 'pending' | 'mutual' | 'told';
export type MutualEvent = 'agree' | 'differ' | 'tell' | 'tellAgain';

const TRANSITIONS: Transitions<MutualState, MutualEvent> = {
  pending: { agree: 'mutual', differ: 'pending', tell: 'told', tellAgain: 'pending' },
  mutual: { agree: 'mutual', differ: 'told' },
  told: { agree: 'mutual', differ: 'told', tell: 'told', tellAgain: 'pending' },
};

export class MutualStanding {
  #state: MutualState = 'pending';

  get state(): MutualState {
    return this.#state;
  }

  get isMutual(): boolean {
    return this.#state === 'mutual';
  }

  agree(): void {
    this.#move('agree');
  }

  /** True: it was mutual until now, and that has to be reported. */
  differ(): boolean {
    return this.#move('differ');
  }

  /** It has not become mutual in time. True: that has to be reported. */
  tell(): boolean {
    return this.#move('tell');
  }

  /** What was reported may be reported again. */
  tellAgain(): void {
    this.#move('tellAgain');
  }

  /** Returns whether there is something to report that was not reported yet. */
  #move(event: MutualEvent): boolean {
    const before = this.#state;
    this.#state = next(TRANSITIONS, before, event);
    return this.#state === 'told' && before !== 'told';
  }
}
