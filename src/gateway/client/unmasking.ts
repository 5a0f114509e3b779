/**
 * Unmasks clients' frames (RFC 6455 5.3). A long payload is unmasked in words of four bytes, a third of the time.
 */

/** For a shorter payload the view on its words costs more than it saves. */
const WORDS_MIN_BYTES = 192;
const NOT_ASCII = 0x80;
const NOT_ASCII_WORD = 0x80808080 | 0;

/** One mask, as bytes and as a word in this machine's byte order. */
const maskBytes = new Uint8Array(4);
const maskWord = new Int32Array(maskBytes.buffer);

/**
 * Unmasks in place, with the mask before `start`. A second call masks the bytes again. Returns whether all bytes are
 * ASCII after it.
 */
export function unmask(bytes: Buffer, start: number, end: number): boolean {
  if (end - start < WORDS_MIN_BYTES) return (unmaskBytes(bytes, start, start, end) & NOT_ASCII) === 0;
  const isAligned = (4 - ((bytes.byteOffset + start) & 3)) & 3;
  const first = start + isAligned;
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + first, (end - first) >> 2);
  for (let index = 0; index < 4; index += 1) maskBytes[index] = maskByte(bytes, start, first + index);
  const mask = maskWord[0] as number;
  let seen = 0;
  for (let index = 0; index < words.length; index += 1) {
    const word = (words[index] as number) ^ mask;
    words[index] = word;
    seen |= word;
  }
  const ends =
    unmaskBytes(bytes, start, start, first) | unmaskBytes(bytes, start, first + words.length * 4, end);
  return (seen & NOT_ASCII_WORD) === 0 && (ends & NOT_ASCII) === 0;
}

/** Unmasks a part of the payload that begins at `start`. Returns all its bytes, or-ed. */
function unmaskBytes(bytes: Buffer, start: number, from: number, to: number): number {
  const mask0 = maskByte(bytes, start, from);
  const mask1 = maskByte(bytes, start, from + 1);
  const mask2 = maskByte(bytes, start, from + 2);
  const mask3 = maskByte(bytes, start, from + 3);
  let seen = 0;
  let at = from;
  for (; at + 4 <= to; at += 4) {
    seen |= bytes[at] = (bytes[at] as number) ^ mask0;
    seen |= bytes[at + 1] = (bytes[at + 1] as number) ^ mask1;
    seen |= bytes[at + 2] = (bytes[at + 2] as number) ^ mask2;
    seen |= bytes[at + 3] = (bytes[at + 3] as number) ^ mask3;
  }
  if (at < to) seen |= bytes[at] = (bytes[at++] as number) ^ mask0;
  if (at < to) seen |= bytes[at] = (bytes[at++] as number) ^ mask1;
  if (at < to) seen |= bytes[at] = (bytes[at] as number) ^ mask2;
  return seen;
}

/** The byte of the mask for the payload's byte at `at`. */
function maskByte(bytes: Buffer, start: number, at: number): number {
  return bytes[start - 4 + ((at - start) & 3)] as number;
}
