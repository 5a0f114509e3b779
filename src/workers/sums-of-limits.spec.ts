import { describe, expect, it } from '@jest/globals';
import { sumsOfLimits } from './sums-of-limits.js';

describe('the limits of all workers', () => {
  it('are those of one, times their number', () => {
    const env = { WS_MAX_CONNECTIONS: '7', WS_BUFFER_TOTAL_BYTES: String(64 << 20) };
    const text = sumsOfLimits(env, 3);
    expect(text).toContain('21 clients (WS_MAX_CONNECTIONS)');
    expect(text).toContain('192 MiB that clients have not taken (WS_BUFFER_TOTAL_BYTES)');
    const heapOf = (count: number) =>
      Number(/(\d+) MiB of JavaScript heap/.exec(sumsOfLimits(env, count))?.[1]);
    expect(Math.abs(heapOf(4) - 4 * heapOf(1))).toBeLessThanOrEqual(2); // each is rounded
  });

  it('allow no more clients than their open files do', () => {
    const clients = (wanted: string) =>
      Number(/(\d+) clients/.exec(sumsOfLimits({ WS_MAX_CONNECTIONS: wanted }, 2))?.[1] ?? Infinity);
    expect(clients('10000000')).toBe(Math.min(20_000_000, clients('0')));
  });
});
