import { describe, expect, it } from '@jest/globals';
import { createHistogram, type IntervalHistogram } from 'node:perf_hooks';
import { EventLoop, RESOLUTION_MS } from './event-loop.js';

describe('EventLoop', () => {
  const delays = createHistogram();
  const loop = new EventLoop(delays as unknown as IntervalHistogram);
  const late = (...values: number[]) => {
    for (const ms of values) delays.record((RESOLUTION_MS + ms) * 1e6);
  };

  it('tells each of its readers of the time since it last read', () => {
    expect([loop.takeMean(), loop.takeQuantiles().max]).toEqual([0, 0]);
    late(10, 20);
    expect(loop.takeMean()).toBeCloseTo(15, 0);
    late(200);
    const { p50, max } = loop.takeQuantiles();
    expect([Math.round(p50), Math.round(max)]).toEqual([20, 200]);
    late(100);
    expect(loop.takeMean()).toBeCloseTo(150, 0);
    expect(loop.takeMean()).toBe(0);
    expect(Math.round(loop.takeQuantiles().max)).toBe(100);
    expect(loop.takeQuantiles().max).toBe(0);
    expect(loop.takeMean()).toBe(0);
  });
});
