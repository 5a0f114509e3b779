import { describe, expect, it } from '@jest/globals';
import { ReceiveBuffer } from './kernel.js';
import { Random } from './random.js';
import { Schedule } from './schedule.js';

const fill = (buffer: ReceiveBuffer, length: number): number => {
  let count = 0;
  while (buffer.offer({ bytes: Buffer.alloc(length), source: '10.0.0.1:1' })) count += 1;
  return count;
};

describe('the simulated kernel', () => {
  it('holds 92 datagrams of 1,200 bytes in the default receive buffer, as Linux does', () => {
    expect(fill(new ReceiveBuffer(212_992), 1_200)).toBe(92);
  });

  it('makes room again as datagrams are taken, in order', () => {
    const buffer = new ReceiveBuffer(10_000);
    const held = fill(buffer, 100);
    expect(buffer.take()?.bytes.length).toBe(100);
    expect(fill(buffer, 100)).toBe(1);
    for (let index = 0; index < held; index++) expect(buffer.take()).toBeDefined();
    expect(buffer.isEmpty).toBe(true);
  });
});

describe('the virtual clock', () => {
  it('does things in order of time, and at one time in order of scheduling', () => {
    const schedule = new Schedule();
    const random = new Random(5);
    const done: number[] = [];
    const expected: { readonly time: number; readonly index: number }[] = [];
    for (let index = 0; index < 500; index++) {
      const time = random.below(50);
      expected.push({ time, index });
      schedule.at(time, () => done.push(index));
    }
    expected.sort((one, other) => one.time - other.time || one.index - other.index);
    schedule.runUntil(50);
    expect(done).toEqual(expected.map(({ index }) => index));
  });
});

describe('seeded randomness', () => {
  it('repeats itself, and its forks do not depend on what was drawn before', () => {
    const one = new Random(7);
    const other = new Random(7);
    for (let draw = 0; draw < 5; draw++) one.float();
    expect(one.fork('network').float()).toBe(other.fork('network').float());
    expect(new Random(7).fork('a').float()).not.toBe(new Random(7).fork('b').float());
  });
});
