import { describe, expect, it } from '@jest/globals';
import { AddressCounts } from './address-counts.js';

describe('counts by address', () => {
  it('go up and down for each address by itself', () => {
    const counts = new AddressCounts();
    counts.add('10.0.0.1');
    counts.add('10.0.0.1');
    counts.add('10.0.0.2');
    counts.remove('10.0.0.1');
    expect([counts.of('10.0.0.1'), counts.of('10.0.0.2'), counts.of('10.0.0.3')]).toEqual([1, 1, 0]);
  });

  it('take no memory for an address that has none', () => {
    const counts = new AddressCounts();
    for (let host = 0; host < 100; host += 1) {
      counts.add(`10.0.0.${host}`);
      counts.remove(`10.0.0.${host}`);
    }
    counts.remove('10.0.1.1');
    expect(counts.size).toBe(0);
  });
});
