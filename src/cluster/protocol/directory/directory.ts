/**
 * All replicas in one table: for every peer, the hashes of the addresses that it announced.
 *
 * A multimap hash -> slots in typed arrays, by linear probing with backward-shift deletion (no tombstones, so it never
 * degrades). A cell is two Int32: the hash's low 32 bits, and `high (21 bits) << 11 | slot (11 bits)`; slot 0 marks an
 * empty cell. One look-up walks one run of cells and yields every holder. The table is cut into segments by the
 * hash's high bits, each growing by itself, so that growing never stalls the loop for longer than one segment takes.
 *
 * A slot stands for one loading of one peer's users (a replica). A rejoin takes a new slot, which is empty at once;
 * the retired slot's cells are swept a few segments at a time and the slot is used again after that. A look-up may
 * still yield a retired slot: its owner is nobody, and the caller skips it.
 */
import { assert } from '../errors.js';

const SLOT_BITS = 11;
const SLOT_MASK = (1 << SLOT_BITS) - 1;
const SEGMENTS = 1_024;
const SEGMENT_MASK = SEGMENTS - 1;
const CELLS_MIN = 8;
/** Below three quarters runs stay short. Above, looking up a name that nobody holds, the common case, gets slow. */
const LOAD_MAX = 0.75;

class Segment {
  cells = new Int32Array(CELLS_MIN * 2);
  mask = CELLS_MIN - 1;
  used = 0;
}

export class Directory {
  readonly #segments: readonly Segment[] = Array.from({ length: SEGMENTS }, () => new Segment());
  readonly #entriesOfSlot = new Uint32Array(SLOT_MASK + 1);
  readonly #freeSlots: number[] = [];
  readonly #retired = new Map<number, number>();
  #slotsUsed = 0;
  #sweepAt = 0;
  #entries = 0;

  /** Cells in use, those of retired slots included until they are swept. */
  get entries(): number {
    return this.#entries;
  }

  get isSweepDue(): boolean {
    return this.#retired.size > 0;
  }

  /** Bytes of the table's arrays. */
  get bytes(): number {
    return this.#segments.reduce((sum, { cells }) => sum + cells.byteLength, 0);
  }

  entriesOf(slot: number): number {
    return this.#entriesOfSlot[slot] as number;
  }

  takeSlot(): number {
    let slot = this.#freeSlots.pop();
    if (slot === undefined && this.#slotsUsed === SLOT_MASK) {
      // There were thousands of rejoins within one sweep. Finishing it now stalls once, and refuses nothing.
      while (this.#retired.size > 0) this.sweep(SEGMENTS);
      slot = this.#freeSlots.pop();
    }
    if (slot === undefined) {
      assert(this.#slotsUsed < SLOT_MASK, 'there are more slots than peers');
      this.#slotsUsed += 1;
      slot = this.#slotsUsed;
    }
    return slot;
  }

  retireSlot(slot: number): void {
    if (this.#entriesOfSlot[slot] === 0) this.#freeSlots.push(slot);
    else this.#retired.set(slot, SEGMENTS);
  }

  /** Removes what retired slots left behind in the next few segments. */
  sweep(segments: number): void {
    for (let step = 0; step < segments && this.#retired.size > 0; step += 1) {
      this.#sweepSegment(this.#segments[this.#sweepAt] as Segment);
      this.#sweepAt = (this.#sweepAt + 1) & SEGMENT_MASK;
      for (const [slot, left] of this.#retired) {
        if (left > 1) this.#retired.set(slot, left - 1);
        else {
          assert(this.#entriesOfSlot[slot] === 0, 'a swept slot is empty');
          this.#retired.delete(slot);
          this.#freeSlots.push(slot);
        }
      }
    }
  }

  /** Appends the slots that hold the hash to `out`, from `count` on, and returns the new count. */
  holders(low: number, high: number, out: number[], count: number): number {
    const { cells, mask } = this.#segments[high & SEGMENT_MASK] as Segment;
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

  /** Whether some slot that is not retired holds the hash. */
  isHeld(low: number, high: number): boolean {
    const { cells, mask } = this.#segments[high & SEGMENT_MASK] as Segment;
    for (let at = low & mask; ; at = (at + 1) & mask) {
      const word = cells[at * 2 + 1] as number;
      if ((word & SLOT_MASK) === 0) return false;
      if (cells[at * 2] === low && word >>> SLOT_BITS === high && !this.#retired.has(word & SLOT_MASK))
        return true;
    }
  }

  /** Adding a second time changes nothing. */
  add(low: number, high: number, slot: number): void {
    const segment = this.#segments[high & SEGMENT_MASK] as Segment;
    const word = (high << SLOT_BITS) | slot;
    if (this.#find(segment, low, word) >= 0) return;
    if (segment.used + 1 > (segment.mask + 1) * LOAD_MAX) this.#rebuild(segment, (segment.mask + 1) * 2);
    this.#insert(segment, low, word);
    segment.used += 1;
    this.#entries += 1;
    this.#entriesOfSlot[slot] = (this.#entriesOfSlot[slot] as number) + 1;
  }

  remove(low: number, high: number, slot: number): void {
    const segment = this.#segments[high & SEGMENT_MASK] as Segment;
    const at = this.#find(segment, low, (high << SLOT_BITS) | slot);
    if (at < 0) return;
    this.#removeAt(segment, at);
    segment.used -= 1;
    this.#entries -= 1;
    this.#entriesOfSlot[slot] = (this.#entriesOfSlot[slot] as number) - 1;
  }

  #find({ cells, mask }: Segment, low: number, word: number): number {
    for (let at = low & mask; ; at = (at + 1) & mask) {
      const here = cells[at * 2 + 1] as number;
      if ((here & SLOT_MASK) === 0) return -1;
      if (here === word && cells[at * 2] === low) return at;
    }
  }

  #insert({ cells, mask }: Segment, low: number, word: number): void {
    let at = low & mask;
    while (((cells[at * 2 + 1] as number) & SLOT_MASK) !== 0) at = (at + 1) & mask;
    cells[at * 2] = low;
    cells[at * 2 + 1] = word;
  }

  /** Closes the hole by moving back each later cell of the run that may stand there (Knuth, 6.4, algorithm R). */
  #removeAt({ cells, mask }: Segment, removedAt: number): void {
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

  #rebuild(segment: Segment, capacity: number): void {
    const old = segment.cells;
    segment.cells = new Int32Array(capacity * 2);
    segment.mask = capacity - 1;
    for (let at = 0; at < old.length; at += 2) {
      const word = old[at + 1] as number;
      if ((word & SLOT_MASK) !== 0) this.#insert(segment, old[at] as number, word);
    }
  }

  #sweepSegment(segment: Segment): void {
    const { cells } = segment;
    let removed = 0;
    for (let at = 1; at < cells.length; at += 2) {
      const slot = (cells[at] as number) & SLOT_MASK;
      if (slot !== 0 && this.#retired.has(slot)) {
        this.#entriesOfSlot[slot] = (this.#entriesOfSlot[slot] as number) - 1;
        cells[at] = 0;
        removed += 1;
      }
    }
    if (removed === 0) return;
    segment.used -= removed;
    this.#entries -= removed;
    let capacity = segment.mask + 1;
    while (capacity > CELLS_MIN && segment.used < (capacity * LOAD_MAX) / 4) capacity /= 2;
    this.#rebuild(segment, capacity);
  }
}
