import { simulate } from './simulation.js';

/**
 * A bounded share of what `npm run simulate` does: as many seeds as fit into the time, so that slow machines check
 * fewer rather than fail. Which seeds is fixed: a failure here is never new, only newly seen.
 */
const BUDGET_MS = 15_000;
const SEEDS_MAX = 400;

/** Seeds that once failed, each with the reason in a word: they must never fail again. */
const REGRESSIONS: readonly (readonly [
  seed: number,
  mode: 'broadcast' | 'mesh' | undefined,
  what: string,
])[] = [];

describe('the cluster in simulated chaos', () => {
  it('keeps every promise for a run of seeds', () => {
    const end = performance.now() + BUDGET_MS;
    let seeds = 0;
    while (seeds < SEEDS_MAX && performance.now() < end) {
      seeds += 1;
      const { violation } = simulate(seeds);
      expect({ seed: seeds, violation: violation?.message ?? null }).toEqual({
        seed: seeds,
        violation: null,
      });
    }
    expect(seeds).toBeGreaterThan(10);
  });

  it('leaves the same trace when a seed is run again', () => {
    for (const seed of [3, 7, 11]) expect(simulate(seed).traceHash).toBe(simulate(seed).traceHash);
  });

  for (const [seed, mode, what] of REGRESSIONS) {
    it(`keeps every promise with seed ${seed}: ${what}`, () => {
      expect(simulate(seed, { mode }).violation).toBeNull();
    });
  }
});
