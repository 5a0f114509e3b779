/**
 * All replicas in one table: for every peer, the hashes of the addresses that it announced.
 *
 * A multimap hash -> slots in typed arrays, without tombstones, so it never degrades. One look-up walks one run of cells
 * and yields every holder. The table is cut into segments by the hash's high bits. Each grows by itself, so growing never
 * stalls the loop for longer than one segment takes.
 *
 * A slot stands for one loading of one peer's users (a replica). A rejoin takes a new slot, which is empty at once;
 * the retired slot's cells are swept a few segments at a time and the slot is used again after that. A look-up may
 * still yield a retired slot: its owner is nobody, and the caller skips it.
 */
import { assert } from '../errors.js';
import { Segment, SLOT_MASK } from './segment.js';

const SEGMENTS = 1_024;
const SEGMENT_MASK = SEGMENTS - 1;

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
    return this.#segments.reduce((sum, { bytes }) => sum + bytes, 0);
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
      this.#segments[this.#sweepAt]?.sweep(this.#retired, this.#removed);
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
    return this.#segmentOf(high).holders(low, high, out, count);
  }

  /** Whether some slot that is not retired holds the hash. */
  isHeld(low: number, high: number): boolean {
    return this.#segmentOf(high).isHeld(low, high, this.#retired);
  }

  /** Adding a second time changes nothing. */
  add(low: number, high: number, slot: number): void {
    if (!this.#segmentOf(high).add(low, high, slot)) return;
    this.#entries += 1;
    this.#entriesOfSlot[slot] = (this.#entriesOfSlot[slot] as number) + 1;
  }

  remove(low: number, high: number, slot: number): void {
    if (this.#segmentOf(high).remove(low, high, slot)) this.#removed(slot);
  }

  #segmentOf(high: number): Segment {
    return this.#segments[high & SEGMENT_MASK] as Segment;
  }

  readonly #removed = (slot: number): void => {
    this.#entries -= 1;
    this.#entriesOfSlot[slot] = (this.#entriesOfSlot[slot] as number) - 1;
  };
}
