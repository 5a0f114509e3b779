import { describe, expect, it } from '@jest/globals';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { FakeDevice } from '../connections/testing/fake-device.js';
import { SharedFrame } from '../wire/shared-frame.js';
import { Laps } from './laps.js';
import { Room } from './room.js';

const MEMBERS = 1000;

class SlowDevice extends FakeDevice {
  constructor(private readonly clock: { now: number }) {
    super('c', 'u');
  }

  override flush(): void {
    this.clock.now += 0.01;
  }
}

function crowd(clock: { now: number }, name: string): Room {
  const room = new Room(name);
  for (let count = 0; count < MEMBERS; count++) room.add(new SlowDevice(clock));
  return room;
}

describe('laps', () => {
  it('take a bounded time of each turn, and the rooms take turns', async () => {
    const clock = { now: 0 };
    const rested: string[] = [];
    const laps = new Laps(
      ({ name }) => rested.push(name),
      () => clock.now,
    );
    const rooms = ['a', 'b'].map((name) => crowd(clock, name));
    const done: string[] = [];
    for (const room of rooms) {
      room.enqueue({
        frame: new SharedFrame([Buffer.from('x')]),
        except: null,
        done: () => done.push(room.name),
      });
      laps.add(room);
    }
    let turns = 0;
    let longest = 0;
    while (rested.length < 2) {
      const before = clock.now;
      await nextTurn();
      longest = Math.max(longest, clock.now - before);
      turns++;
    }
    expect(longest).toBeLessThan(4.2);
    // 2 x 1000 members, 10 us each
    expect(turns).toBeGreaterThanOrEqual(5);
    expect(turns).toBeLessThan(10);
    expect([done, rested]).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ]);
    laps.stop();
  });
});
