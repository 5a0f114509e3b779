import { describe, expect, it } from '@jest/globals';
import { Hysteresis } from './hysteresis.js';

const create = () => new Hysteresis({ above: 10, below: 5, riseMs: 100, fallMs: 50 });

describe('Hysteresis', () => {
  it('ignores a peak', () => {
    const judgement = create();
    for (const [value, now] of [
      [11, 0],
      [11, 99],
      [9, 100],
      [11, 101],
      [11, 200],
    ] as const) {
      judgement.observe(value, now);
      expect(judgement.isOver).toBe(false);
    }
  });

  it('is over after the value has been high for long enough, and until it has been low for long enough', () => {
    const judgement = create();
    judgement.observe(11, 0);
    judgement.observe(11, 100);
    expect(judgement.isOver).toBe(true);
    // between the limits nothing changes
    judgement.observe(7, 1000);
    judgement.observe(4, 1001);
    judgement.observe(4, 1050);
    expect(judgement.isOver).toBe(true);
    judgement.observe(4, 1051);
    expect(judgement.isOver).toBe(false);
  });
});
