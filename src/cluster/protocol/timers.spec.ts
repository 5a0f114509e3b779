import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { TimerTable } from './timers.js';

class Three extends TimerTable {
  readonly all = [this.timer(), this.timer(), this.timer()] as const;
}

describe('TimerTable', () => {
  it('knows the next to expire, however timers are set and cancelled', () => {
    const time = fc.oneof(fc.integer({ min: -5, max: 5 }), fc.constant(Infinity));
    const steps = fc.array(fc.tuple(fc.nat(2), time, fc.boolean()), { maxLength: 30 });
    fc.assert(
      fc.property(steps, (changes) => {
        const table = new Three();
        const expected = [Infinity, Infinity, Infinity];
        for (const [which, at, isSooner] of changes) {
          const timer = table.all[which as 0 | 1 | 2];
          if (isSooner) timer.setIfSooner(at);
          else timer.set(at);
          expected[which] = isSooner ? Math.min(expected[which] as number, at) : at;
          expect(table.next).toBe(Math.min(...expected));
          expect(table.all.map((each) => each.at)).toEqual(expected);
        }
      }),
    );
  });

  it('a timer has expired from its time on, and not when cancelled', () => {
    const table = new Three();
    const [timer] = table.all;
    timer.set(10);
    expect([timer.hasExpired(9), timer.hasExpired(10), timer.isSet]).toEqual([false, true, true]);
    timer.cancel();
    expect([timer.hasExpired(10), timer.isSet, table.next]).toEqual([false, false, Infinity]);
  });
});
