import { describe, expect, it } from '@jest/globals';
import { unmask } from './unmasking.js';

const MASK = Buffer.from([0x81, 0x12, 0xf3, 0x04]);
const NOT_ASCII = 0x80;
/** Long enough for words, and for all the ways in which they can begin and end. */
const LENGTHS = [0, 1, 2, 3, 4, 5, 7, 100, 190, 191, 192, 193, 194, 195, 196, 255, 600, 1_001];
const OFFSETS = [4, 5, 6, 7, 8];

/** The mask and the masked payload, `offset` bytes from the beginning of their memory. */
function masked(payload: Buffer, offset: number): Buffer {
  const bytes = Buffer.alloc(offset + payload.length + 9, 'y');
  MASK.copy(bytes, offset - MASK.length);
  for (const [at, byte] of payload.entries()) bytes[offset + at] = byte ^ (MASK[at % 4] as number);
  return bytes;
}

const cases = LENGTHS.flatMap((length) => OFFSETS.map((offset) => [length, offset] as const));

describe('unmask', () => {
  it.each(cases)('unmasks %i bytes at %i and leaves what is around them', (length, offset) => {
    const payload = Buffer.from(Array.from({ length }, (_, at) => (at * 7) & 0x7f));
    const bytes = masked(payload, offset);
    const end = offset + length;
    const around = Buffer.concat([bytes.subarray(0, offset), bytes.subarray(end)]);
    expect(unmask(bytes, offset, end)).toBe(true);
    expect(bytes.subarray(offset, end)).toEqual(payload);
    expect(Buffer.concat([bytes.subarray(0, offset), bytes.subarray(end)])).toEqual(around);
    unmask(bytes, offset, end);
    expect(bytes).toEqual(masked(payload, offset));
  });

  it('tells of each single byte that is not ASCII', () => {
    for (const length of [5, 191, 192, 197]) {
      for (let at = 0; at < length; at += 1) {
        const payload = Buffer.alloc(length, 'x');
        payload[at] = NOT_ASCII;
        for (const offset of OFFSETS)
          expect(unmask(masked(payload, offset), offset, offset + length)).toBe(false);
      }
    }
  });
});
