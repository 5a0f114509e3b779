/**
 * Another node as a source of one room's presence: what it has told, whether its whole set is waited for, and whether it lives.
 *
 * known      its set is known, and changes follow
 * owed       it was asked for its whole set
 * gone       the node is gone: what it told is shown for the grace
 * returned   it has come back within the grace, and was asked for its whole set
 * forgotten  the grace is over, and the node has not come back
 */
import { next, type Transitions } from '../transitions.js';
import { RemoteSet } from './remote-set.js';

export type SourceState = 'known' | 'owed' | 'gone' | 'returned' | 'forgotten';
export type SourceEvent = 'owe' | 'complete' | 'leave' | 'forget';

const TRANSITIONS: Transitions<SourceState, SourceEvent> = {
  known: { owe: 'owed', complete: 'known', leave: 'gone' },
  owed: { owe: 'owed', complete: 'known', leave: 'gone' },
  gone: { owe: 'returned', complete: 'known', leave: 'gone', forget: 'forgotten' },
  returned: { owe: 'returned', complete: 'known', leave: 'gone', forget: 'owed' },
  forgotten: {},
};

/** A source that has not answered is asked again after this time, then after twice as long, and so on. */
const ASK_AGAIN_MS = 1_000;
const ASK_AGAIN_MAX_MS = 10_000;
/** How long a source that owes its set keeps others from being shown as gone. */
const OWED_HOLD_MS = 2_000;

export class Source {
  readonly set = new RemoteSet();
  #state: SourceState = 'known';
  /** In the states `owed` and `returned`; else Infinity. */
  #owedSince = Infinity;
  #askAt = Infinity;
  #askAgainMs = ASK_AGAIN_MS;
  /** In the states `gone` and `returned`; else Infinity. */
  #forgetAt = Infinity;

  get state(): SourceState {
    return this.#state;
  }

  /** Its whole set is waited for. */
  get isOwed(): boolean {
    return this.#state === 'owed' || this.#state === 'returned';
  }

  /** Until when nobody is shown as gone because of it; -Infinity: it holds nothing up. */
  get holdsUntil(): number {
    return this.isOwed ? this.#owedSince + OWED_HOLD_MS : -Infinity;
  }

  /** When it is to be asked again, or forgotten; Infinity: never. */
  get due(): number {
    return Math.min(this.#askAt, this.#forgetAt);
  }

  /** It is asked for its whole set now. Returns when it is asked again. */
  owe(now: number): number {
    const wasOwed = this.isOwed;
    this.#move('owe');
    if (!wasOwed) {
      this.#owedSince = now;
      this.#askAgainMs = ASK_AGAIN_MS;
    }
    this.#askAt = now + this.#askAgainMs;
    return this.#askAt;
  }

  /** Its whole set has come. */
  complete(): void {
    this.#move('complete');
  }

  /** Its node is gone. Returns when what it told is forgotten: at `forgetAt`, or as an earlier departure said. */
  leave(forgetAt: number): number {
    this.#move('leave');
    this.#forgetAt = Math.min(this.#forgetAt, forgetAt);
    return this.#forgetAt;
  }

  /** Returns true when the grace of its node has just ended. The caller clears `set`. */
  forget(now: number): boolean {
    if (this.#forgetAt > now) return false;
    this.#move('forget');
    return true;
  }

  /** Returns true when it is to be asked once more. */
  askAgain(now: number): boolean {
    if (this.#askAt > now) return false;
    this.#askAgainMs = Math.min(this.#askAgainMs * 2, ASK_AGAIN_MAX_MS);
    this.#askAt = now + this.#askAgainMs;
    return true;
  }

  #move(event: SourceEvent): void {
    this.#state = next(TRANSITIONS, this.#state, event);
    if (!this.isOwed) {
      this.#owedSince = Infinity;
      this.#askAt = Infinity;
    }
    if (this.#state !== 'gone' && this.#state !== 'returned') this.#forgetAt = Infinity;
  }
}
