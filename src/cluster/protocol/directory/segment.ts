/**
 * A part of the directory's table: a multimap hash -> slots by linear probing, with backward-shift deletion.
 *
 * A cell is two Int32: the hash's low 32 bits, and `high (21 bits) << 11 | slot (11 bits)`. Slot 0 marks an empty cell.
 */
const SLOT_BITS = 11;
const CELLS_MIN = 8;
/** Below three quarters runs stay short. Above, looking up a name that nobody holds, the common case, gets slow. */
const LOAD_MAX = 0.75;

export const SLOT_MASK = (1 << SLOT_BITS) - 1;

export class Segment {
  private cells = new Int32Array(CELLS_MIN * 2);
  private mask = CELLS_MIN - 1;
  private used = 0;

  /** Of its array. */
  get bytes(): number {
    return this.cells.byteLength;
  }

  /** Appends the slots that hold the hash to `out`, from `count` on, and returns the new count. */
  holders(low: number, high: number, out: number[], count: number): number {
    const cells = this.cells;
    const mask = this.mask;
    let found = count;
    for (let at = low & mask; ; at = (at + 1) & mask) {
      const word = cells[at * 2 + 1] as number;
      if ((word & SLOT_MASK) === 0) return found;
      if (cells[at * 2] === low && word >>> SLOT_BITS === high) {
        out[found] = word & SLOT_MASK;
        found += 1;
      }
    }
  }

  /** Whether a slot that is not retired holds the hash. */
  isHeld(low: number, high: number, retired: ReadonlyMap<number, number>): boolean {
    const cells = this.cells;
    const mask = this.mask;
    for (let at = low & mask; ; at = (at + 1) & mask) {
      const word = cells[at * 2 + 1] as number;
      if ((word & SLOT_MASK) === 0) return false;
      if (cells[at * 2] === low && word >>> SLOT_BITS === high && !retired.has(word & SLOT_MASK)) return true;
    }
  }

  /** Returns false if the slot holds the hash already. */
  add(low: number, high: number, slot: number): boolean {
    const word = (high << SLOT_BITS) | slot;
    if (this.#find(low, word) >= 0) return false;
    const capacity = this.mask + 1;
    if (this.used + 1 > capacity * LOAD_MAX) this.#rebuild(capacity * 2);
    this.#insert(low, word);
    this.used += 1;
    return true;
  }

  /** Returns false if the slot does not hold the hash. */
  remove(low: number, high: number, slot: number): boolean {
    const at = this.#find(low, (high << SLOT_BITS) | slot);
    if (at < 0) return false;
    this.#removeAt(at);
    this.used -= 1;
    return true;
  }

  /** Removes the cells of retired slots, and gives memory back. `removed` is told the slot of each. */
  sweep(retired: ReadonlyMap<number, number>, removed: (slot: number) => void): void {
    const cells = this.cells;
    const usedBefore = this.used;
    for (let at = 1; at < cells.length; at += 2) {
      const slot = (cells[at] as number) & SLOT_MASK;
      if (slot !== 0 && retired.has(slot)) {
        cells[at] = 0;
        this.used -= 1;
        removed(slot);
      }
    }
    if (this.used === usedBefore) return;
    let capacity = this.mask + 1;
    while (capacity > CELLS_MIN && this.used < (capacity * LOAD_MAX) / 4) capacity /= 2;
    this.#rebuild(capacity);
  }

  #find(low: number, word: number): number {
    const cells = this.cells;
    const mask = this.mask;
    for (let at = low & mask; ; at = (at + 1) & mask) {
      const here = cells[at * 2 + 1] as number;
      if ((here & SLOT_MASK) === 0) return -1;
      if (here === word && cells[at * 2] === low) return at;
    }
  }

  #insert(low: number, word: number): void {
    const cells = this.cells;
    const mask = this.mask;
    let at = low & mask;
    while (((cells[at * 2 + 1] as number) & SLOT_MASK) !== 0) at = (at + 1) & mask;
    cells[at * 2] = low;
    cells[at * 2 + 1] = word;
  }

  /** Closes the hole by moving back each later cell of the run that may stand there (Knuth, 6.4, algorithm R). */
  #removeAt(removedAt: number): void {
    const cells = this.cells;
    const mask = this.mask;
    let hole = removedAt;
    let at = removedAt;
    for (;;) {
      at = (at + 1) & mask;
      const word = cells[at * 2 + 1] as number;
      if ((word & SLOT_MASK) === 0) break;
      const home = (cells[at * 2] as number) & mask;
      // The cell may move to the hole unless its home lies cyclically after the hole.
      if (((at - home) & mask) >= ((at - hole) & mask)) {
        cells[hole * 2] = cells[at * 2] as number;
        cells[hole * 2 + 1] = word;
        hole = at;
      }
    }
    cells[hole * 2 + 1] = 0;
  }

  #rebuild(capacity: number): void {
    const old = this.cells;
    this.cells = new Int32Array(capacity * 2);
    this.mask = capacity - 1;
    for (let at = 0; at < old.length; at += 2) {
      const word = old[at + 1] as number;
      if ((word & SLOT_MASK) !== 0) this.#insert(old[at] as number, word);
    }
  }
}
