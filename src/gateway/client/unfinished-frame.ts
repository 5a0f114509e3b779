/** A frame that comes in many chunks is copied about three times in all, and takes half as much memory again as has come. */
const GROWTH = 1.5;

/** Of a frame's header: the lengths that stand for a longer field, and the bytes of the mask (RFC 6455 5.2). */
export const LENGTH_16_BITS = 126;
export const LENGTH_64_BITS = 127;
export const MASK_BYTES = 4;

/**
 * The beginning of a client's frame whose end has not come yet (RFC 6455 5.2). What comes is copied, so that the chunk it
 * came in can be freed, and pieces as small as a byte take no more memory than large ones. A client that announces much
 * and sends little takes little.
 */
export class UnfinishedFrame {
  #bytes = Buffer.allocUnsafe(0);
  #length = 0;

  /** Memory that it takes. */
  get heldBytes(): number {
    return this.#bytes.length;
  }

  /** What has come so far. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Takes from `chunk` what the frame still needs: the next part of its header, or all of it. Returns the index after that. */
  add(chunk: Buffer, at: number): number {
    const wanted = wantedBytes(this.#bytes, this.#length);
    const length = Math.min(wanted, this.#length + chunk.length - at);
    if (length > this.#bytes.length) this.#grow(length, wanted);
    const end = at + length - this.#length;
    chunk.copy(this.#bytes, this.#length, at, end);
    this.#length = length;
    return end;
  }

  #grow(length: number, wanted: number): void {
    const grown = Buffer.allocUnsafe(
      Math.min(wanted, Math.max(length, Math.ceil(this.#bytes.length * GROWTH))),
    );
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}

/** How many bytes the frame has, or its header up to the length, as far as the first `length` bytes tell. */
function wantedBytes(header: Buffer, length: number): number {
  if (length < 2) return 2;
  const payload = (header[1] as number) & 0x7f;
  if (payload < LENGTH_16_BITS) return 2 + MASK_BYTES + payload;
  if (payload < LENGTH_64_BITS) return length < 4 ? 4 : 4 + MASK_BYTES + header.readUInt16BE(2);
  return length < 10 ? 10 : 10 + MASK_BYTES + header.readUInt32BE(6);
}
