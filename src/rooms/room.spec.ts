import { beforeEach, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { FakeDevice } from '../connections/testing/fake-device.js';
import { SharedFrame } from '../wire/shared-frame.js';
import { Room, type Membership } from './room.js';

const LARGE = 65;

const frameOf = (text: string): SharedFrame => new SharedFrame([Buffer.from(text)]);
const never = (): boolean => false;
const always = (): boolean => true;

describe('a room', () => {
  let room: Room;
  let devices: FakeDevice[];
  let members: Membership[];
  let delivered: Map<string, number>;

  const join = (count: number): void => {
    for (let index = 0; index < count; index++) {
      const device = new FakeDevice(`c${devices.length}`, 'u');
      devices.push(device);
      members.push(room.add(device));
    }
  };
  const publication = (text: string, except: FakeDevice | null = null) => ({
    frame: frameOf(text),
    except,
    done: (count: number) => void delivered.set(text, count),
  });
  const device = (index: number): FakeDevice => devices[index] as FakeDevice;
  const member = (index: number): Membership => members[index] as Membership;

  beforeEach(() => {
    room = new Room('hall');
    devices = [];
    members = [];
    delivered = new Map();
  });

  it('writes to few members at once, and spares one if it is told to', () => {
    join(3);
    expect(room.writeNow(publication('a', device(1)))).toBe(true);
    expect(devices.map(({ frames }) => frames)).toEqual([['a'], [], ['a']]);
    expect(delivered.get('a')).toBe(2);
  });

  it('writes to many members in laps: each gets, in one write, what was accepted after it joined', () => {
    join(LARGE);
    expect(room.writeNow(publication('a'))).toBe(false);
    room.enqueue(publication('a'));
    join(1);
    room.enqueue(publication('b'));
    expect(room.walk(never)).toBe(true);
    expect(device(0)).toMatchObject({ frames: ['a', 'b'], flushes: 1 });
    expect(device(LARGE)).toMatchObject({ frames: ['b'], flushes: 1 });
    expect([...delivered]).toEqual([
      ['a', LARGE],
      ['b', LARGE + 1],
    ]);
    expect(room).toMatchObject({ hasWork: false, bytes: 0, messages: 0 });
  });

  it('stops where it is told to, and goes on there; what comes meanwhile waits for the next lap', () => {
    join(LARGE);
    room.enqueue(publication('a'));
    expect(room.walk(always)).toBe(false);
    const reached = devices.filter(({ frames }) => frames.length > 0).length;
    expect(reached).toBeGreaterThan(0);
    expect(reached).toBeLessThan(LARGE);
    // a small room, too, waits while something waits
    expect(room.writeNow(publication('b'))).toBe(false);
    room.enqueue(publication('b'));
    expect(room.messages).toBe(2);
    join(1);
    while (!room.walk(always));
    expect(delivered.get('a')).toBe(LARGE);
    expect(delivered.has('b')).toBe(false);
    while (!room.walk(always));
    expect(devices.slice(0, LARGE).every(({ frames }) => frames.join() === 'a,b')).toBe(true);
    expect(device(LARGE).frames).toEqual([]);
  });

  it('gives nothing more to a member that has left in the middle of a lap, and all to the others', () => {
    join(LARGE);
    room.enqueue(publication('a'));
    room.walk(always);
    room.remove(member(0));
    room.remove(member(LARGE - 1));
    while (!room.walk(always));
    expect(device(LARGE - 1).frames).toEqual([]);
    expect(devices.slice(0, -1).every(({ frames }) => frames.join() === 'a')).toBe(true);
    expect(delivered.get('a')).toBe(LARGE - 1);
    expect(room.size).toBe(LARGE - 2);
  });

  it('counts only queues into which a message went', () => {
    join(2);
    device(0).accepts = false;
    room.writeNow(publication('a'));
    expect(delivered.get('a')).toBe(1);
  });

  it('gives each member what was accepted during its membership and nothing else, in order, whatever happens meanwhile', () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.constant('publish' as const) },
      { weight: 2, arbitrary: fc.constant('join' as const) },
      { weight: 2, arbitrary: fc.constant('leave' as const) },
      { weight: 3, arbitrary: fc.constant('walk' as const) },
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(step, fc.nat()), { maxLength: 200 }), (steps) => {
        room = new Room('hall');
        const present: { device: FakeDevice; membership: Membership; owed: string[] }[] = [];
        const gone: typeof present = [];
        const enter = (): void => {
          const entering = new FakeDevice('c', 'u');
          present.push({ device: entering, membership: room.add(entering), owed: [] });
        };
        for (let count = 0; count < LARGE; count++) enter();
        for (const [index, [what, number]] of steps.entries()) {
          const one = present[number % present.length];
          if (what === 'join') enter();
          else if (what === 'walk') {
            if (room.hasWork) room.walk(always);
          } else if (what === 'leave' && one !== undefined) {
            room.remove(one.membership);
            gone.push(...present.splice(present.indexOf(one), 1));
          } else if (what === 'publish') {
            const message = { frame: frameOf(String(index)), except: null, done: () => undefined };
            if (!room.writeNow(message)) room.enqueue(message);
            for (const { owed } of present) owed.push(String(index));
          }
        }
        while (room.hasWork) room.walk(never);
        expect(room.size).toBe(present.length);
        for (const {
          device: { frames },
          owed,
        } of present)
          expect(frames).toEqual(owed);
        for (const {
          device: { frames },
          owed,
        } of gone)
          expect(frames).toEqual(owed.slice(0, frames.length));
      }),
    );
  });
});
