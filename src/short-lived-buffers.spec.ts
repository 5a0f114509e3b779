import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { constants, PerformanceObserver, type NodeGCPerformanceDetail } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { freeBuffersSoon } from './short-lived-buffers.js';

const DATAGRAM_BYTES = 25_000;
const TURNS = 800;
const DATAGRAMS_A_TURN = 50;

describe('freeBuffersSoon', () => {
  const collections = { young: 0, full: 0 };
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { kind } = (entry as unknown as { detail: NodeGCPerformanceDetail }).detail;
      if (kind === constants.NODE_PERFORMANCE_GC_MINOR) collections.young += 1;
      if (kind === constants.NODE_PERFORMANCE_GC_MAJOR) collections.full += 1;
    }
  });

  beforeEach(() => observer.observe({ entryTypes: ['gc'] }));
  afterEach(() => observer.disconnect());

  it('lets V8 free datagrams without collecting everything', async () => {
    freeBuffersSoon();
    for (let turn = 0; turn < TURNS; turn += 1) {
      for (let count = 0; count < DATAGRAMS_A_TURN; count += 1) Buffer.allocUnsafe(DATAGRAM_BYTES);
      await nextTurn();
    }
    await nextTurn();
    expect(collections.young).toBeGreaterThan(2 * collections.full);
  });
});
