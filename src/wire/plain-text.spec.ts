import { describe, expect, it } from '@jest/globals';
import { endOfPlainText } from './plain-text.js';

const LENGTHS = [0, 1, 3, 4, 10, 191, 192, 193, 194, 195, 196, 400];

/** A text of letters with `byte` at `at`, `offset` bytes from the beginning of its memory. */
function textWith(byte: number, at: number, length: number, offset: number): Buffer {
  const text = Buffer.alloc(offset + length, 'é').subarray(offset);
  text[at] = byte;
  return text;
}

describe('endOfPlainText', () => {
  it('is the first quote, backslash or control character, wherever it stands', () => {
    for (const length of LENGTHS) {
      for (let at = 0; at < length; at += 1) {
        for (const byte of [0x00, 0x1f, 0x22, 0x5c]) {
          const text = textWith(byte, at, length, at % 5);
          if (at + 2 < length) text[at + 2] = 0x22;
          expect(endOfPlainText(text, 0)).toBe(at);
        }
      }
    }
  });

  it('is the end of the text for every other byte', () => {
    for (const length of LENGTHS) {
      for (let byte = 0x20; byte <= 0xff; byte += 1) {
        if (byte === 0x22 || byte === 0x5c) continue;
        expect(endOfPlainText(Buffer.alloc(length, byte), 0)).toBe(length);
      }
    }
  });

  it('is looked for from `at` on', () => {
    const text = Buffer.alloc(600, 'x');
    for (const at of [0, 10, 299, 300, 301, 302, 599]) text[at] = 0x22;
    expect(endOfPlainText(text, 1)).toBe(10);
    expect(endOfPlainText(text, 11)).toBe(299);
    expect(endOfPlainText(text, 303)).toBe(599);
  });
});
