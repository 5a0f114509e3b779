import { beforeEach, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { TokenBucket } from './token-bucket.js';

const PER_SECOND = 10;
const BURST = 20;

describe('a token bucket', () => {
  let bucket: TokenBucket;

  beforeEach(() => {
    bucket = new TokenBucket(PER_SECOND, BURST, 0);
  });

  /** How many of `count` single tokens are granted at `now`. */
  const granted = (now: number, count: number) =>
    Array.from({ length: count }, () => bucket.take(now, 1)).filter(Boolean).length;

  it('is full at first, and grants a burst', () => {
    expect(granted(0, BURST + 5)).toBe(BURST);
  });

  it('fills with time, and not beyond the burst', () => {
    expect(granted(0, BURST)).toBe(BURST);
    expect(granted(300, 3)).toBe(3);
    expect(bucket.take(300, 1)).toBe(false);
    expect(granted(60_000, BURST + 1)).toBe(BURST);
  });

  it('charges what it refuses: a client that goes on waits longer', () => {
    expect(granted(0, BURST + 10)).toBe(BURST);
    // ten owed take a second, and one more token a tenth of one
    expect(bucket.take(1_000, 1)).toBe(false);
    expect(bucket.take(1_200, 1)).toBe(true);
  });

  it('is exhausted by a debt as large as itself', () => {
    granted(0, 2 * BURST - 1);
    expect(bucket.isExhausted).toBe(false);
    bucket.take(0, 1);
    expect(bucket.isExhausted).toBe(true);
  });

  it('counts a cost above the burst as the whole burst', () => {
    expect(bucket.take(0, 1_000)).toBe(true);
    expect(bucket.take(0, 1)).toBe(false);
    expect(bucket.take(2_100, 1_000)).toBe(true);
  });

  it('lets nobody owe tokens of a shared bucket', () => {
    const taken = Array.from({ length: 1_000 }, () => bucket.takeWithoutDebt(0)).filter(Boolean);
    expect(taken).toHaveLength(BURST);
    expect(bucket.takeWithoutDebt(99)).toBe(false);
    expect(bucket.takeWithoutDebt(100)).toBe(true);
  });

  it('credits the time in which nobody could take, beyond the burst', () => {
    bucket.catchUp(5_000);
    expect(granted(5_000, 100)).toBe(BURST + 50);
  });

  it('never grants more than the burst and what time brings, however it is asked', () => {
    const steps = fc.array(fc.record({ after: fc.nat(500), cost: fc.integer({ min: 1, max: 30 }) }));
    fc.assert(
      fc.property(steps, (asked) => {
        const asking = new TokenBucket(PER_SECOND, BURST, 0);
        let now = 0;
        let sum = 0;
        for (const { after, cost } of asked) {
          now += after;
          if (asking.take(now, cost)) sum += Math.min(cost, BURST);
        }
        return sum <= BURST + (now * PER_SECOND) / 1_000 + 1e-6;
      }),
    );
  });
});
