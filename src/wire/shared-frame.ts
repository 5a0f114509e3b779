/** RFC 6455 5.2: final text frames, unmasked, as servers send them. */
const FINAL_TEXT = 0x81;
const LENGTH_16_BITS = 126;
const LENGTH_64_BITS = 127;

const shortHeaders = Array.from({ length: LENGTH_16_BITS }, (_, length) => Buffer.from([FINAL_TEXT, length]));

/** What stands before the payload of a text frame. */
export function textFrameHeader(length: number): Buffer {
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

/** A ping without data. Clients answer it with a pong without data. Nobody may write to its bytes. */
export const PING_FRAME = { bytes: Buffer.from([0x89, 0]) };

/** One text frame for many clients: framed once, and then written as it is. Nobody may write to its bytes. */
export class SharedFrame {
  /** On the wire, header included. */
  readonly bytes: Buffer;
  readonly payload: Buffer;

  constructor(
    parts: readonly Buffer[],
    /** It carries a volatile message. */
    readonly isVolatile = false,
  ) {
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    const header = textFrameHeader(length);
    this.bytes = Buffer.concat([header, ...parts], header.length + length);
    this.payload = this.bytes.subarray(header.length);
  }
}
