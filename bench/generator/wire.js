// The client's half of WebSocket framing, as little of it as a load generator needs.

/** Marks where a measured message begins. No peer has this character in what stands around a message. */
const MARK = 0x7e;
const LETTER_A = 0x41;
const MARK_LENGTH = 21;

/**
 * A masking key of one byte, four times. RFC 6455 asks for keys that can't be predicted: they protect proxies from
 * browsers. A server must take this key too. With it, the mask of a byte does not depend on its position, so a frame is
 * masked once and sent many times.
 */
export function randomMask() {
  return 1 + Math.floor(Math.random() * 255);
}

/**
 * @param {string} text
 * @param {number} mask
 * @param {number} opcode 1 text, 2 binary, 10 pong
 */
export function clientFrame(text, mask, opcode = 1) {
  const payload = Buffer.from(text, 'latin1');
  const header = frameHeader(payload.length, mask, opcode);
  for (let i = 0; i < payload.length; i++) payload[i] ^= mask;
  return Buffer.concat([header, payload]);
}

function frameHeader(length, mask, opcode) {
  const extended = length < 126 ? 0 : length < 65536 ? 2 : 8;
  const header = Buffer.alloc(2 + extended + 4, mask);
  header[0] = 0x80 | opcode;
  header[1] = 0x80 | (extended === 0 ? length : extended === 2 ? 126 : 127);
  if (extended === 2) header.writeUInt16BE(length, 2);
  if (extended === 8) header.writeBigUInt64BE(BigInt(length), 2);
  return header;
}

/**
 * One sender's message, which is framed and masked beforehand. To send it, it is copied and twenty bytes are written. The
 * message is `~`, then the pair (4 letters), the sequence number (8) and the time in microseconds (8), with four bits in a
 * letter, then filler. The message carries the time, so the generator needs no table of what is in flight.
 */
export class Stencil {
  /**
   * @param {{ before: string, after: string, pair: number, bytes: number, merge: boolean }} options
   * `merge` puts all messages of one write into one binary frame, for protocols that are a stream.
   */
  constructor({ before, after, pair, bytes, merge }) {
    if (bytes < MARK_LENGTH)
      throw new RangeError(`A message of ${bytes} bytes has no room for its ${MARK_LENGTH}`);
    const mask = (this.mask = randomMask());
    this.merge = merge;
    const text = before + '~' + letters(pair, 4) + 'A'.repeat(16) + 'x'.repeat(bytes - MARK_LENGTH) + after;
    const frame = merge ? Buffer.from(text, 'latin1').map((byte) => byte ^ mask) : clientFrame(text, mask);
    this.frame = Buffer.from(frame);
    this.digitsAt = frame.length - text.length + before.length + 5;
  }

  /** Bytes that send `count` messages, the first with number `sequence`. */
  stamp(count, sequence, time) {
    const { frame, mask, digitsAt } = this;
    const length = frame.length;
    const header = this.merge ? frameHeader(count * length, mask, 2) : undefined;
    let at = header?.length ?? 0;
    const out = Buffer.allocUnsafe(at + count * length);
    if (header) out.set(header);
    for (let i = 0; i < count; i++) {
      frame.copy(out, at);
      writeLetters(out, at + digitsAt, sequence + i, mask);
      writeLetters(out, at + digitsAt + 8, time, mask);
      at += length;
    }
    return out;
  }
}

function letters(value, count) {
  let text = '';
  for (let i = count - 1; i >= 0; i--) text += String.fromCharCode(LETTER_A + ((value >>> (4 * i)) & 15));
  return text;
}

function writeLetters(out, at, value, mask) {
  out[at] = (LETTER_A + (value >>> 28)) ^ mask;
  out[at + 1] = (LETTER_A + ((value >>> 24) & 15)) ^ mask;
  out[at + 2] = (LETTER_A + ((value >>> 20) & 15)) ^ mask;
  out[at + 3] = (LETTER_A + ((value >>> 16) & 15)) ^ mask;
  out[at + 4] = (LETTER_A + ((value >>> 12) & 15)) ^ mask;
  out[at + 5] = (LETTER_A + ((value >>> 8) & 15)) ^ mask;
  out[at + 6] = (LETTER_A + ((value >>> 4) & 15)) ^ mask;
  out[at + 7] = (LETTER_A + (value & 15)) ^ mask;
}

/** Where the mark of a measured message is in `buffer[start, end)`; -1: there is none. */
export function findMark(buffer, start, end) {
  const at = buffer.indexOf(MARK, start);
  return at >= 0 && at + MARK_LENGTH <= end ? at : -1;
}

export function isMark(buffer, at) {
  return buffer[at] === MARK;
}

export function readPair(buffer, at) {
  return (
    ((buffer[at + 1] - LETTER_A) << 12) |
    ((buffer[at + 2] - LETTER_A) << 8) |
    ((buffer[at + 3] - LETTER_A) << 4) |
    (buffer[at + 4] - LETTER_A)
  );
}

export function readSequence(buffer, at) {
  return readLetters(buffer, at + 5);
}

export function readTime(buffer, at) {
  return readLetters(buffer, at + 13);
}

function readLetters(buffer, at) {
  return (
    (((buffer[at] - LETTER_A) << 28) |
      ((buffer[at + 1] - LETTER_A) << 24) |
      ((buffer[at + 2] - LETTER_A) << 20) |
      ((buffer[at + 3] - LETTER_A) << 16) |
      ((buffer[at + 4] - LETTER_A) << 12) |
      ((buffer[at + 5] - LETTER_A) << 8) |
      ((buffer[at + 6] - LETTER_A) << 4) |
      (buffer[at + 7] - LETTER_A)) >>>
    0
  );
}
