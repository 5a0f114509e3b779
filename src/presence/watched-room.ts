import type { Address } from '../cluster/bus/bus.js';
import type { PresenceQueue } from './presence-queue.js';

/** How rarely the numbers of a large room are told. */
const COUNT_EVERY_MS = 1000;

/** A room whose members somebody here looks at, or has looked at until a moment ago. */
export class WatchedRoom {
  readonly address: Address;
  readonly queues = new Set<PresenceQueue>();
  /** Those who get the list when what is new was shown to the others. */
  readonly arriving = new Set<PresenceQueue>();
  /** How it is shown. */
  #shown: 'by members' | 'by numbers' = 'by members';
  /** When its numbers were told last. */
  #countedAt = -Infinity;
  #countTimer: NodeJS.Timeout | undefined;
  #reachTimer: NodeJS.Timeout | undefined;
  #lingerTimer: NodeJS.Timeout | undefined;

  constructor(readonly name: string) {
    this.address = { kind: 'watch', name };
  }

  get isShownByNumbers(): boolean {
    return this.#shown === 'by numbers';
  }

  /** It is too large: its numbers are told now, or when the last ones are old enough. */
  showNumbers(tell: () => void): void {
    this.#shown = 'by numbers';
    if (this.#countTimer !== undefined) return;
    const waitMs = Math.max(0, this.#countedAt + COUNT_EVERY_MS - performance.now());
    this.#countTimer = setTimeout(() => {
      this.#countTimer = undefined;
      this.#countedAt = performance.now();
      tell();
    }, waitMs);
  }

  /** It is small again: numbers that wait to be told are not. */
  showMembers(): void {
    this.#shown = 'by members';
    clearTimeout(this.#countTimer);
    this.#countTimer = undefined;
  }

  /** Not every node knows that it is watched here: that is tried again. */
  reachLater(milliseconds: number, reach: () => void): void {
    this.#reachTimer = setTimeout(reach, milliseconds);
  }

  /** Nobody looks: it is watched on for a while. */
  linger(milliseconds: number, over: () => void): void {
    this.#lingerTimer = setTimeout(over, milliseconds);
  }

  /** Returns whether it lingered. */
  endLinger(): boolean {
    if (this.#lingerTimer === undefined) return false;
    clearTimeout(this.#lingerTimer);
    this.#lingerTimer = undefined;
    return true;
  }

  /** It is watched no more. */
  end(): void {
    clearTimeout(this.#lingerTimer);
    clearTimeout(this.#countTimer);
    clearTimeout(this.#reachTimer);
  }
}
