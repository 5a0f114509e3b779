import { describe, expect, it } from '@jest/globals';
import { NodeTimers } from '../node-timers.js';
import type { Timer } from '../timers.js';
import { Receipts } from './receipts.js';

const ENTRIES_MAX = 1_000;

interface Said {
  readonly token: number;
  readonly delivered: number;
  readonly complete: boolean;
}

const setUp = (): { readonly receipts: Receipts; readonly timer: Timer; readonly said: Said[] } => {
  const said: Said[] = [];
  const timer = new NodeTimers().owed.receipts;
  const receipts = new Receipts(ENTRIES_MAX, 900, timer, (token, delivered, complete) => {
    said.push({ token, delivered, complete });
  });
  return { receipts, timer, said };
};

describe('receipts', () => {
  it('adds up what all holders say, and is complete when the last has answered', () => {
    const { receipts, said } = setUp();
    const number = receipts.next;
    receipts.open(0, 7, [{ index: 1 }, { index: 2 }], 2, true);
    receipts.settle(number, 1, 2);
    expect(said).toEqual([]);
    receipts.settle(number, 2, 1);
    expect(said).toEqual([{ token: 7, delivered: 3, complete: true }]);
  });

  it('ignores a holder that answers twice', () => {
    const { receipts, said } = setUp();
    const number = receipts.next;
    receipts.open(0, 7, [{ index: 1 }, { index: 2 }], 2, true);
    receipts.settle(number, 1, 1);
    receipts.settle(number, 1, 1);
    receipts.settle(number, 2, 1);
    expect(said).toEqual([{ token: 7, delivered: 2, complete: true }]);
  });

  it('never gives a number twice, also when no holder is waited for', () => {
    const { receipts, said } = setUp();
    const number = receipts.next;
    receipts.open(0, 1, [], 0, false);
    receipts.open(0, 2, [{ index: 5 }], 1, true);
    // The stalled holder of the first message answers at last. Its answer must not count for the second message.
    receipts.settle(number, 5, 3);
    expect(said).toEqual([{ token: 1, delivered: 0, complete: false }]);
    receipts.settle(number + 1, 5, 1);
    expect(said.at(-1)).toEqual({ token: 2, delivered: 1, complete: true });
  });

  it('is incomplete when a holder is lost, and when the time is over', () => {
    const { receipts, timer, said } = setUp();
    receipts.open(0, 1, [{ index: 5 }], 1, true);
    receipts.open(10, 2, [{ index: 6 }], 1, true);
    receipts.loseHolder(5);
    expect(said).toEqual([{ token: 1, delivered: 0, complete: false }]);
    receipts.expire(timer.at);
    expect(said.at(-1)).toEqual({ token: 2, delivered: 0, complete: false });
    expect(timer.isSet).toBe(false);
  });

  it('keeps its numbers apart while the ring grows', () => {
    const { receipts, said } = setUp();
    for (let token = 1; token <= 5_000; token++) receipts.open(token, token, [{ index: 1 }], 1, true);
    for (let token = 5_000; token >= 1; token--) receipts.settle(token, 1, token % 3);
    expect(said).toHaveLength(5_000);
    expect(said.every(({ token, delivered, complete }) => complete && delivered === token % 3)).toBe(true);
  });

  it('are full by their number, and by the number of holders that are waited for', () => {
    const holders = (count: number) => Array.from({ length: count }, (_, at) => ({ index: at + 1 }));
    const { receipts: many } = setUp();
    for (let token = 1; token < ENTRIES_MAX; token++) many.open(0, token, holders(1), 1, true);
    expect([many.isFull, many.waiting]).toEqual([false, ENTRIES_MAX - 1]);
    many.open(0, ENTRIES_MAX, holders(1), 1, true);
    expect(many.isFull).toBe(true);

    const { receipts: wide, timer } = setUp();
    const number = wide.next;
    for (let token = 1; token <= 9; token++) wide.open(token, token, holders(100), 100, true);
    expect(wide.isFull).toBe(false);
    wide.open(9, 10, holders(100), 100, true);
    expect(wide.isFull).toBe(true);
    wide.settle(number, 1, 1);
    expect(wide.isFull).toBe(false);
    wide.expire(timer.at);
    for (let token = 1; token <= 9; token++) wide.open(9, token, holders(11), 11, true);
    expect(wide.isFull).toBe(false);
    wide.open(9, 10, holders(1), 1, true);
    wide.open(9, 11, holders(2), 2, true);
    expect(wide.isFull).toBe(true);
  });
});
