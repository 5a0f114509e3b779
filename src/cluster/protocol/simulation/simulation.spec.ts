import { describe, expect, it } from '@jest/globals';
import { simulate } from './simulation.js';

/** A small share of what `npm run simulate` does: jest runs a seed ten times as slowly as Node alone. */
const SEEDS = 20;
/** Longer than the runs take, for a busy machine. */
const PATIENCE_MS = 180_000;

describe('the cluster in simulated chaos', () => {
  it(
    'keeps every promise for a run of seeds',
    () => {
      for (let seed = 1; seed <= SEEDS; seed++) {
        const { violation } = simulate(seed);
        expect({ seed, violation: violation?.message ?? null }).toEqual({ seed, violation: null });
      }
    },
    PATIENCE_MS,
  );

  it(
    'leaves the same trace when a seed is run again',
    () => {
      for (const seed of [3, 7, 11]) expect(simulate(seed).traceHash).toBe(simulate(seed).traceHash);
    },
    PATIENCE_MS,
  );
});
