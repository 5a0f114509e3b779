/** For every class of presence with named states: where each event leads from each state. */
import { describe, expect, it } from '@jest/globals';
import { checkStates } from '../testing/state-table.js';
import { SizeLimit } from './entry.js';
import { Source } from './source.js';
import { Watch } from './watch.js';

describe('Source', () => {
  checkStates(
    {
      make: () => new Source(),
      stateOf: ({ state }) => state,
      events: [
        (source) => void source.owe(10),
        (source) => source.complete(),
        (source) => void source.leave(50),
        (source) => void source.forget(50),
      ],
      paths: { known: [], owed: [0], gone: [2], returned: [2, 0], forgotten: [2, 3] },
    },
    // forgetting is a matter of time: without a departure it never comes
    //            owe       complete  leave  forget
    `known     |  owed      known     gone   known
     owed      |  owed      known     gone   owed
     gone      |  returned  known     gone   forgotten
     returned  |  returned  known     gone   owed
     forgotten |  -         -         -      forgotten`,
  );

  it('is asked again after 1 s, 2 s, 4 s and so on, until its set has come', () => {
    const source = new Source();
    expect(source.due).toBe(Infinity);
    expect(source.owe(0)).toBe(1_000);
    expect(source.askAgain(999)).toBe(false);
    expect(source.askAgain(1_000)).toBe(true);
    expect(source.due).toBe(3_000);
    source.complete();
    expect(source.due).toBe(Infinity);
    expect(source.owe(5_000)).toBe(6_000);
  });

  it('holds others only while it owes its set', () => {
    const source = new Source();
    expect(source.holdsUntil).toBe(-Infinity);
    source.owe(100);
    source.owe(700);
    expect(source.holdsUntil).toBe(2_100);
    source.leave(900);
    expect(source.holdsUntil).toBe(-Infinity);
  });

  it('is forgotten by the earliest of its departures, and not when its set has come', () => {
    const source = new Source();
    source.leave(50);
    expect(source.leave(80)).toBe(50);
    expect(source.forget(49)).toBe(false);
    source.complete();
    expect(source.forget(50)).toBe(false);
  });
});

describe('Watch', () => {
  checkStates(
    {
      make: () => new Watch(new SizeLimit(10, 100), () => undefined),
      stateOf: ({ state }) => state,
      events: [(watch) => watch.reach(true), (watch) => watch.reach(false)],
      paths: { announcing: [], complete: [0], partial: [1] },
    },
    //             all       some
    `announcing |  complete  partial
     complete   |  complete  partial
     partial    |  complete  partial`,
  );

  it('lets those who wait go on when the last source has answered, or is gone', () => {
    const watch = new Watch(new SizeLimit(10, 100), () => undefined);
    const answers: boolean[] = [];
    expect(watch.wait(0, (complete) => answers.push(complete))).toBe(1_000);
    watch.reach(true);
    watch.owe(0, 'a');
    watch.owe(0, 'b');
    watch.settle();
    const whole = {
      kind: 'whole',
      room: 'r',
      serial: 1,
      part: 0,
      isLast: true,
      put: [],
      count: null,
    } as const;
    watch.applyWhole('a', whole);
    watch.settle();
    expect(answers).toEqual([]);
    watch.leave('b', 500);
    expect(answers).toEqual([true]);
    expect(watch.wait(10, (complete) => answers.push(complete))).toBe(Infinity);
    expect(answers).toEqual([true, true]);
  });
});
