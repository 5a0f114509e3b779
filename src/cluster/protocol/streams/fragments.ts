/**
 * Joins the fragments of a message too large for one record. They come in order in one stream, so there is at most one
 * partial message per stream, without timers or ids. A sender may give up midway, and has an event that says so. Then the
 * index shows that the next fragment does not continue the message, and the message is dropped.
 */
import { FRAGMENT_LAST } from '../wire/frames.js';

export class Fragments {
  #chunks: Buffer[] = [];
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  reset(): void {
    this.#chunks = [];
    this.#bytes = 0;
  }

  /** The whole message (type, then body) once its last fragment is in. `tooLarge` is told, and the message dropped. */
  add(flags: number, index: number, bytes: Buffer, bytesMax: number, tooLarge: () => void): Buffer | null {
    if (index === 0) this.reset();
    else if (index !== this.#chunks.length) {
      this.reset();
      return null;
    }
    if (this.#bytes + bytes.length > bytesMax) {
      this.reset();
      tooLarge();
      return null;
    }
    this.#chunks.push(bytes);
    this.#bytes += bytes.length;
    if ((flags & FRAGMENT_LAST) === 0) return null;
    const whole = Buffer.concat(this.#chunks, this.#bytes);
    this.reset();
    return whole;
  }
}
