/**
 * What one connection sends in this turn of the event loop, as pieces of WebSocket frames (RFC 6455 5.2: final text
 * frames, unmasked). They become one buffer and one write when the turn ends. A message to many devices is not copied
 * for each of them before that.
 */
const FINAL_TEXT = 0x81;
const LENGTH_16_BITS = 126;
const LENGTH_64_BITS = 127;

const shortHeaders = Array.from({ length: LENGTH_16_BITS }, (_, length) => Buffer.from([FINAL_TEXT, length]));

function header(length: number): Buffer {
  const short = shortHeaders[length];
  if (short !== undefined) return short;
  if (length < 0x1_0000) {
    const bytes = Buffer.from([FINAL_TEXT, LENGTH_16_BITS, 0, 0]);
    bytes.writeUInt16BE(length, 2);
    return bytes;
  }
  const bytes = Buffer.alloc(10);
  bytes[0] = FINAL_TEXT;
  bytes[1] = LENGTH_64_BITS;
  bytes.writeBigUInt64BE(BigInt(length), 2);
  return bytes;
}

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
    const head = header(length);
    this.#pieces.push(head, first);
    if (second !== undefined) this.#pieces.push(second);
    if (third !== undefined) this.#pieces.push(third);
    this.#bytes += head.length + length;
  }

  /** Everything added since the last call, as one buffer. */
  take(): Buffer {
    const all = Buffer.concat(this.#pieces, this.#bytes);
    this.#pieces = [];
    this.#bytes = 0;
    return all;
  }
}
