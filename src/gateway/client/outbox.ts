import { textFrameHeader, type SharedFrame } from '../../wire/shared-frame.js';

/**
 * What one connection sends in this turn of the event loop, as pieces of WebSocket frames. They become one buffer and one
 * write when the turn ends. A message to many devices is not copied for each of them before that.
 */
export class Outbox {
  #pieces: Buffer[] = [];
  #bytes = 0;

  /** Bytes waiting, frame headers included. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds one text frame. Its payload is the concatenation of the parts. */
  add(first: Buffer, second?: Buffer, third?: Buffer): void {
    const length = first.length + (second?.length ?? 0) + (third?.length ?? 0);
    const head = textFrameHeader(length);
    this.#pieces.push(head, first);
    if (second !== undefined) this.#pieces.push(second);
    if (third !== undefined) this.#pieces.push(third);
    this.#bytes += head.length + length;
  }

  /** Adds a frame that many clients get. */
  addShared({ bytes }: Pick<SharedFrame, 'bytes'>): void {
    this.#pieces.push(bytes);
    this.#bytes += bytes.length;
  }

  /** Everything added since the last call, as one buffer: a shared frame by itself is not copied. */
  take(): Buffer {
    const [first] = this.#pieces;
    const isOne = this.#pieces.length === 1 && first !== undefined;
    const all = isOne ? first : Buffer.concat(this.#pieces, this.#bytes);
    this.#pieces = [];
    this.#bytes = 0;
    return all;
  }
}
