/** What we know of the addresses that one peer holds: a slot of the directory, a new and empty one for each session. */
import type { Directory } from './directory.js';
import { highOf, lowOf } from './name-hash.js';
import type { Watches } from './watches.js';

export class Replica {
  /** 0: none. */
  #slot = 0;

  constructor(
    private readonly directory: Directory,
    private readonly watches: Watches,
  ) {}

  get slot(): number {
    return this.#slot;
  }

  get entries(): number {
    return this.#slot === 0 ? 0 : this.directory.entriesOf(this.#slot);
  }

  /** Empty from now on. Returns the slot. */
  renew(): number {
    this.retire();
    this.#slot = this.directory.takeSlot();
    return this.#slot;
  }

  retire(): void {
    if (this.#slot !== 0) this.directory.retireSlot(this.#slot);
    this.#slot = 0;
  }

  add(key: number): void {
    this.directory.add(lowOf(key), highOf(key), this.#slot);
    this.watches.noteChange(key);
  }

  remove(key: number): void {
    this.directory.remove(lowOf(key), highOf(key), this.#slot);
    this.watches.noteChange(key);
  }
}
