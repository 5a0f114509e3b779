/**
 * Writes frames into one buffer, used again for every datagram. Writing past its end is a bug of ours, and throws.
 *
 * A datagram begins with the capacity that all peers take. Whoever knows that its receiver takes a larger one widens it.
 */
import { assert } from '../errors.js';

/** type u8, length u16: the same for every frame, so that unknown ones can be skipped. */
export const FRAME_HEADER_BYTES = 3;
const TEXT_BYTES_MAX = 255;

export class ByteWriter {
  readonly #bytes: Buffer;
  #capacity: number;
  #at = 0;
  #frameStart = -1;

  constructor(
    private readonly usualCapacity: number,
    largestCapacity = usualCapacity,
  ) {
    this.#bytes = Buffer.alloc(largestCapacity);
    this.#capacity = usualCapacity;
  }

  /** How much the datagram being made may have. */
  get capacity(): number {
    return this.#capacity;
  }

  get length(): number {
    return this.#at;
  }

  get free(): number {
    return this.#capacity - this.#at;
  }

  /** What is written needs more than the usual capacity. */
  get isWide(): boolean {
    return this.#at > this.usualCapacity;
  }

  clear(): void {
    this.#at = 0;
    this.#capacity = this.usualCapacity;
  }

  /** The datagram being made, and no other, may have so many bytes. */
  widen(capacity: number): this {
    assert(capacity <= this.#bytes.length, 'a datagram has no more bytes than the largest');
    this.#capacity = capacity;
    return this;
  }

  /** Stays valid until the next datagram is begun. */
  written(): Buffer {
    assert(this.#at <= this.#capacity, 'a datagram keeps to its capacity');
    return this.#bytes.subarray(0, this.#at);
  }

  beginFrame(type: number): this {
    this.#frameStart = this.#at;
    this.u8(type).u16(0);
    return this;
  }

  endFrame(): this {
    this.#bytes.writeUInt16BE(this.#at - this.#frameStart - FRAME_HEADER_BYTES, this.#frameStart + 1);
    return this;
  }

  u8(value: number): this {
    this.#at = this.#bytes.writeUInt8(value, this.#at);
    return this;
  }

  u16(value: number): this {
    this.#at = this.#bytes.writeUInt16BE(value, this.#at);
    return this;
  }

  u32(value: number): this {
    this.#at = this.#bytes.writeUInt32BE(value, this.#at);
    return this;
  }

  u48(value: number): this {
    this.#at = this.#bytes.writeUIntBE(value, this.#at, 6);
    return this;
  }

  raw(bytes: Buffer): this {
    if (bytes.length > this.free) throw new RangeError(`${bytes.length} bytes do not fit in ${this.free}`);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
    return this;
  }

  /** Length in one byte, then UTF-8, cut at a character if it is too long. */
  text(value: string): this {
    const lengthAt = this.#at;
    const end = Math.min(this.#capacity, lengthAt + 1 + TEXT_BYTES_MAX);
    const written = this.#bytes.subarray(lengthAt + 1, end).write(value, 'utf8');
    this.u8(written);
    this.#at += written;
    return this;
  }

  /** One PAD frame up to the capacity: a path too narrow for such a datagram shows. */
  pad(): this {
    const missing = this.free - FRAME_HEADER_BYTES;
    if (missing < 0) return this;
    this.u8(0).u16(missing);
    this.#bytes.fill(0, this.#at, this.#at + missing);
    this.#at += missing;
    return this;
  }
}
