/** Reads what a peer wrote. Reading past its end throws a MalformedDatagramError. */
import { MalformedDatagramError } from '../errors.js';

export class ByteReader {
  #at: number;

  constructor(
    private readonly bytes: Buffer,
    start = 0,
    private readonly end = bytes.length,
  ) {
    this.#at = start;
  }

  get remaining(): number {
    return this.end - this.#at;
  }

  u8(): number {
    return this.bytes[this.#take(1)] as number;
  }

  u16(): number {
    return this.bytes.readUInt16BE(this.#take(2));
  }

  u32(): number {
    return this.bytes.readUInt32BE(this.#take(4));
  }

  u48(): number {
    return this.bytes.readUIntBE(this.#take(6), 6);
  }

  skip(length: number): void {
    this.#take(length);
  }

  /** A view, not a copy. */
  view(length: number): Buffer {
    const start = this.#take(length);
    return this.bytes.subarray(start, start + length);
  }

  /** Length in one byte, then UTF-8. */
  text(): string {
    return this.view(this.u8()).toString('utf8');
  }

  rest(): Buffer {
    return this.view(this.remaining);
  }

  #take(length: number): number {
    const start = this.#at;
    if (start + length > this.end) throw new MalformedDatagramError(`${length} bytes expected at ${start}`);
    this.#at = start + length;
    return start;
  }
}
