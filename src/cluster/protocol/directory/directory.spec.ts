import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { Directory } from './directory.js';
import { highOf, lowOf, NameHasher, writeHash } from './name-hash.js';

/** Few distinct homes, so that runs are long, wrap around and overlap. */
const hash = fc.record({ low: fc.integer({ min: -4, max: 12 }), high: fc.constantFrom(0, 1_024, 1) });
const change = fc.record({
  kind: fc.constantFrom('add', 'remove'),
  hash,
  slot: fc.integer({ min: 1, max: 3 }),
});

const holders = (directory: Directory, low: number, high: number): number[] => {
  const out: number[] = [];
  return out.slice(0, 0).concat(sorted(out, directory.holders(low, high, out, 0)));
};

const sorted = (out: number[], count: number): number[] => out.slice(0, count).sort((a, b) => a - b);

describe('Directory', () => {
  it('is a set of (hash, slot), whatever the order of changes', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 200 }), (changes) => {
        const directory = new Directory();
        for (let slot = 1; slot <= 3; slot += 1) directory.takeSlot();
        const model = new Map<string, Set<number>>();
        for (const { kind, hash: at, slot } of changes) {
          const key = `${at.low}/${at.high}`;
          const slots = model.get(key) ?? new Set();
          model.set(key, slots);
          if (kind === 'add') {
            directory.add(at.low, at.high, slot);
            slots.add(slot);
          } else {
            directory.remove(at.low, at.high, slot);
            slots.delete(slot);
          }
        }
        for (const [key, slots] of model) {
          const [low = 0, high = 0] = key.split('/').map(Number);
          expect(holders(directory, low, high)).toEqual([...slots].sort((a, b) => a - b));
        }
        expect(directory.entries).toBe([...model.values()].reduce((sum, { size }) => sum + size, 0));
      }),
    );
  });

  it('holds 50,000 users of three nodes, and forgets one node without touching the others', () => {
    const directory = new Directory();
    const hasher = new NameHasher(Buffer.alloc(16, 7));
    const slots = [directory.takeSlot(), directory.takeSlot(), directory.takeSlot()];
    for (let user = 0; user < 50_000; user += 1) {
      hasher.hash(`user-${user}`);
      directory.add(hasher.low, hasher.high, slots[user % 3] as number);
    }
    directory.retireSlot(slots[1] as number);
    const replacement = directory.takeSlot();
    expect(slots).not.toContain(replacement);
    while (directory.isSweepDue) directory.sweep(16);
    expect(directory.entries).toBe(33_333);
    expect(directory.takeSlot()).toBe(slots[1]);
    for (let user = 0; user < 50_000; user += 1) {
      hasher.hash(`user-${user}`);
      const expected = user % 3 === 1 ? [] : [slots[user % 3]];
      if (holders(directory, hasher.low, hasher.high).join() !== expected.join())
        throw new Error(`user-${user}`);
    }
  });
});

describe('NameHasher', () => {
  it('gives the same 53 bits as two halves and as one number', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (id) => {
        const hasher = new NameHasher(Buffer.from('00112233445566778899aabbccddeeff', 'hex'));
        const key = hasher.key(id);
        expect(Number.isSafeInteger(key)).toBe(true);
        expect([lowOf(key), highOf(key)]).toEqual([hasher.low, hasher.high]);
        const bytes = Buffer.alloc(7);
        writeHash(bytes, 0, key);
        expect(bytes.readUIntBE(0, 3) * 2 ** 32 + bytes.readUInt32BE(3)).toBe(key);
      }),
    );
  });

  it('spreads 200,000 ids without a collision', () => {
    const hasher = new NameHasher(Buffer.alloc(16, 3));
    const seen = new Set<number>();
    for (let user = 0; user < 200_000; user += 1) seen.add(hasher.key(String(user)));
    expect(seen.size).toBe(200_000);
  });
});
