import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { ReplayWindow } from './replay-window.js';

const WINDOW = 8_192;

describe('ReplayWindow', () => {
  it('accepts each number once, in any order, as far back as it remembers', () => {
    const number = fc.oneof(
      fc.integer({ min: 1, max: 300 }),
      fc.integer({ min: 1, max: 40_000 }),
      fc.integer({ min: 2 ** 40, max: 2 ** 40 + 20_000 }),
    );
    fc.assert(
      fc.property(fc.array(number, { maxLength: 300 }), (numbers) => {
        const window = new ReplayWindow();
        const accepted = new Set<number>();
        let newest = 0;
        for (const number of numbers) {
          const isExpected = number > newest || (number > newest - WINDOW && !accepted.has(number));
          expect(window.wouldAccept(number)).toBe(isExpected);
          if (!isExpected) continue;
          expect(window.accept(number)).toBe(number > newest);
          accepted.add(number);
          newest = Math.max(newest, number);
        }
      }),
    );
  });

  it('refuses everything up to a raised floor, and nothing above it that is new', () => {
    const window = new ReplayWindow();
    window.accept(5);
    window.raiseFloor(100);
    for (const number of [1, 5, 6, 99, 100]) expect(window.wouldAccept(number)).toBe(false);
    expect(window.accept(101)).toBe(true);
    window.raiseFloor(50);
    expect(window.wouldAccept(60)).toBe(false);
    expect(window.wouldAccept(102)).toBe(true);
  });

  it('starts above the floor of a boot met before', () => {
    const window = new ReplayWindow(1_000);
    expect(window.wouldAccept(1_000)).toBe(false);
    expect(window.wouldAccept(1_001)).toBe(true);
  });
});
