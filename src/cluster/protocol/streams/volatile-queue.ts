/**
 * Volatile messages on their way to one peer, or to all: the datagrams that leave at the end of this turn.
 *
 * They are frames without a sequence. Nothing is kept once they have left: they are not acked, and never sent again. So
 * no window limits them. A budget does: so many datagrams in `SLOT_MS`, and what exceeds it is dropped.
 */
import { FRAME_HEADER_BYTES } from '../wire/byte-writer.js';

/** A few turns of the event loop. In that time a peer reads much more than a part of the window that it grants. */
const SLOT_MS = 5;

export class VolatileQueue {
  /** The frames of each datagram. */
  #datagrams: Buffer[] = [];
  #open: Buffer | null = null;
  #length = 0;
  #slotEndsAt = -Infinity;
  #spentInSlot = 0;

  /** `capacity`: the bytes of frames in a datagram. */
  constructor(private readonly capacity: number) {}

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  /** Whether a frame of so many bytes fits into a datagram. */
  hasRoomFor(frameBytes: number): boolean {
    return frameBytes <= this.capacity;
  }

  /** Adds a frame of `head`, in which its length is filled in, and `data`. False: that would exceed the budget. */
  append(now: number, head: Buffer, headLength: number, data: Buffer, datagramsPerSlot: number): boolean {
    const frameBytes = headLength + data.length;
    if (this.#open === null || this.#length + frameBytes > this.capacity) {
      if (!this.#spend(now, datagramsPerSlot)) return false;
      this.#close();
      this.#open = Buffer.allocUnsafe(this.capacity);
    }
    head.writeUInt16BE(frameBytes - FRAME_HEADER_BYTES, 1);
    head.copy(this.#open, this.#length, 0, headLength);
    this.#open.set(data, this.#length + headLength);
    this.#length += frameBytes;
    return true;
  }

  /** The frames of each datagram, which leave now. */
  take(): readonly Buffer[] {
    this.#close();
    const datagrams = this.#datagrams;
    this.#datagrams = [];
    return datagrams;
  }

  #close(): void {
    if (this.#open !== null) this.#datagrams.push(this.#open.subarray(0, this.#length));
    this.#open = null;
    this.#length = 0;
  }

  #spend(now: number, datagramsPerSlot: number): boolean {
    if (now >= this.#slotEndsAt) {
      this.#slotEndsAt = now + SLOT_MS;
      // what waits has not left yet
      this.#spentInSlot = this.#datagrams.length + (this.#open === null ? 0 : 1);
    }
    if (this.#spentInSlot >= datagramsPerSlot) return false;
    this.#spentInSlot += 1;
    return true;
  }
}
