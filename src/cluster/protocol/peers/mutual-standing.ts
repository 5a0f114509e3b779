/**
 * Whether a peer and we agree on how we stand with each other (R8). Losing it is told at once; never having had it, after a
 * while, and either of it once.
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

  /** True: it was mutual, and that it is so no more is to be told. */
  differ(): boolean {
    return this.#move('differ');
  }

  /** It has not become mutual in time. True: that is to be told. */
  tell(): boolean {
    return this.#move('tell');
  }

  /** What was told may be told again. */
  tellAgain(): void {
    this.#move('tellAgain');
  }

  /** Returns whether something is to be told that was not before. */
  #move(event: MutualEvent): boolean {
    const before = this.#state;
    this.#state = next(TRANSITIONS, before, event);
    return this.#state === 'told' && before !== 'told';
  }
}
