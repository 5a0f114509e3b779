import { describe, expect, it } from '@jest/globals';
import { Restarts } from './restarts.js';

describe('a worker that dies', () => {
  let now = 0;
  const restarts = (random = 1) =>
    new Restarts(
      () => now,
      () => random,
    );

  it('is started again after a wait that doubles, up to 30 s', () => {
    const one = restarts();
    const waits = Array.from({ length: 11 }, () => {
      now += 20_000;
      return one.died(0);
    });
    expect(waits).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]);
  });

  it('is started after a random part of that wait, half of it at least', () => {
    expect([restarts(0).died(0), restarts(0.5).died(0)]).toEqual([50, 75]);
  });

  it('is given up at its fifth death within a minute', () => {
    const one = restarts();
    expect([0, 1, 2, 3].map(() => one.died(0)).includes(null)).toBe(false);
    now += 59_999;
    expect(one.died(0)).toBeNull();
  });

  it('is not given up when its deaths are further apart', () => {
    const one = restarts();
    for (let death = 0; death < 20; death++) {
      now += 15_001;
      expect(one.died(15_000)).not.toBeNull();
    }
  });

  it('has a short wait again when it has served for a minute', () => {
    const one = restarts();
    for (let death = 0; death < 8; death++) {
      now += 20_000;
      one.died(0);
    }
    now += 80_000;
    expect(one.died(60_000)).toBe(100);
  });
});
