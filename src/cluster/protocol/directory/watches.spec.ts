import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Address } from '../contract.js';
import { TimerTable } from '../timers.js';
import { Directory } from './directory.js';
import { Replica } from './replica.js';
import { Watches } from './watches.js';

class Timers extends TimerTable {
  readonly recheck = this.timer();
}

const user = (name: string): Address => ({ kind: 'user', name });

describe('Watches', () => {
  let timers: Timers;
  let watches: Watches;
  let a: Replica;
  let b: Replica;
  let told: string[];

  beforeEach(() => {
    timers = new Timers();
    const directory = new Directory();
    told = [];
    watches = new Watches(directory, timers.recheck, ({ name }, isHeld) =>
      told.push(`${name} ${isHeld ? 'held' : 'gone'}`),
    );
    [a, b] = [new Replica(directory, watches), new Replica(directory, watches)];
    a.renew();
    b.renew();
  });

  /** Looks again until nothing is left to do, and returns how many portions that took. */
  const recheckAll = (): number => {
    let portions = 0;
    while (timers.recheck.isSet) {
      portions += 1;
      watches.recheck(timers.recheck.at);
    }
    return portions;
  };

  it('tell the first holder that comes and the last that goes', () => {
    watches.add(user('ann'), [1]);
    for (const change of [() => a.add(1), () => b.add(1), () => a.remove(1), () => b.remove(1)]) change();
    expect(told).toEqual(['ann held', 'ann gone']);
  });

  it('tell nothing of what was there before, nor of what nobody watches any more', () => {
    a.add(1);
    watches.add(user('ann'), [1]);
    watches.add(user('ann'), [1]);
    watches.remove(user('ann'));
    b.add(1);
    expect(told).toEqual([]);
    a.remove(1);
    b.remove(1);
    expect(told).toEqual(['ann gone']);
    watches.remove(user('ann'));
    a.add(1);
    expect(told).toEqual(['ann gone']);
  });

  it('see an address under the hashes of all secrets', () => {
    watches.add(user('ann'), [1, 2]);
    a.add(2);
    b.add(1);
    a.remove(2);
    b.remove(1);
    expect(told).toEqual(['ann held', 'ann gone']);
  });

  it('cannot tell two addresses with one hash apart: both change', () => {
    watches.add(user('ann'), [1]);
    watches.add(user('bob'), [1]);
    a.add(1);
    watches.remove(user('ann'));
    a.remove(1);
    expect(told).toEqual(['ann held', 'bob held', 'bob gone']);
  });

  it('are all looked at again, in portions, when a replica is retired', () => {
    const count = 10_000;
    for (let key = 0; key < count; key += 1) {
      watches.add(user(`u${key}`), [key]);
      a.add(key);
      if (key % 2 === 0) b.add(key);
    }
    told.length = 0;
    a.retire();
    watches.noteRetired(5);
    expect(recheckAll()).toBeGreaterThan(1);
    expect(told).toHaveLength(count / 2);
    expect(told.every((line) => line.endsWith('gone'))).toBe(true);
  });

  it('are all looked at again, even if another replica is retired meanwhile', () => {
    for (let key = 0; key < 10_000; key += 1) {
      watches.add(user(`u${key}`), [key]);
      (key % 2 === 0 ? a : b).add(key);
    }
    told.length = 0;
    a.retire();
    watches.noteRetired(5);
    watches.recheck(5);
    b.retire();
    watches.noteRetired(6);
    for (let key = 0; key < 5_000; key += 1) watches.remove(user(`u${key}`));
    recheckAll();
    expect(new Set(told.filter((line) => Number(line.slice(1, -5)) >= 5_000)).size).toBe(5_000);
  });

  it('tell of a replica that is loaded again before it was looked at', () => {
    watches.add(user('ann'), [1]);
    a.add(1);
    a.renew();
    watches.noteRetired(5);
    a.add(1);
    recheckAll();
    expect(told).toEqual(['ann held']);
  });
});
