/**
 * Remembers which packet numbers of one key were accepted, so that none is accepted twice.
 *
 * A sliding bitmap (RFC 6479, as in WireGuard): the newest number, and one bit for each of the 8192 before it. Older
 * ones are refused unseen: they are repaired instead. `wouldAccept` is asked before decryption. `accept` is called only
 * when the tag has proved the number genuine. Otherwise a forger could push the window forward.
 */
import { assert } from '../errors.js';

const WINDOW_BITS = 8_192;
const WORD_BITS = 32;
const WORDS = WINDOW_BITS / WORD_BITS;

export class ReplayWindow {
  readonly #seen = new Uint32Array(WORDS);
  #newest: number;
  /** Everything up to here is refused, seen or not. */
  #floor: number;

  constructor(floor = 0) {
    this.#floor = floor;
    this.#newest = floor;
  }

  get newest(): number {
    return this.#newest;
  }

  wouldAccept(number: number): boolean {
    if (number > this.#newest) return true;
    if (number <= this.#floor || number <= this.#newest - WINDOW_BITS) return false;
    return (((this.#seen[this.#wordOf(number)] as number) >>> (number % WORD_BITS)) & 1) === 0;
  }

  /** Returns whether the number is the newest so far. */
  accept(number: number): boolean {
    assert(this.wouldAccept(number), 'a packet number is accepted once');
    const isNewest = number > this.#newest;
    if (isNewest) this.#advance(number);
    const word = this.#wordOf(number);
    this.#seen[word] = (this.#seen[word] as number) | (1 << (number % WORD_BITS));
    return isNewest;
  }

  /** Refuses everything up to `number` from now on: it was sent before we asked. */
  raiseFloor(number: number): void {
    if (number > this.#newest) this.#advance(number);
    this.#floor = Math.max(this.#floor, number);
  }

  #advance(number: number): void {
    if (number - this.#newest >= WINDOW_BITS) {
      this.#seen.fill(0);
    } else {
      // The bits between the old newest and the new one held numbers one window older: clear them, word by word
      // where a whole word is passed.
      let next = this.#newest + 1;
      while (next <= number) {
        if (next % WORD_BITS === 0 && next + WORD_BITS <= number) {
          this.#seen[this.#wordOf(next)] = 0;
          next += WORD_BITS;
        } else {
          const word = this.#wordOf(next);
          this.#seen[word] = (this.#seen[word] as number) & ~(1 << (next % WORD_BITS));
          next += 1;
        }
      }
    }
    this.#newest = number;
  }

  #wordOf(number: number): number {
    return Math.floor(number / WORD_BITS) % WORDS;
  }
}
