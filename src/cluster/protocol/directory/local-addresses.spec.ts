import { describe, expect, it } from '@jest/globals';
import { seeded } from '../testing/virtual-lan.js';
import { LocalAddresses } from './local-addresses.js';

const LINGER = 10;

describe('addresses that linger', () => {
  it('end in the order in which they began, also those that came back between', () => {
    const addresses = new LocalAddresses();
    const random = seeded(1);
    /** What should linger, the oldest first. */
    let expected: { key: number; until: number }[] = [];
    for (let now = 0; now < 3_000; now += 1) {
      const key = Math.floor(random() * 20);
      if (addresses.addConnection(key) === undefined) addresses.announce(key, 1);
      expected = expected.filter((one) => one.key !== key);
      if (addresses.removeConnection(key)) {
        addresses.linger(key, now + LINGER);
        expected.push({ key, until: now + LINGER });
      }
      if (random() < 0.5) expect(addresses.lingersUntil).toBe(expected[0]?.until ?? Infinity);
      while (addresses.lingersUntil <= now || (expected.length > 0 && random() < 0.1)) {
        expect(addresses.withdrawOldest()).toBe(expected.shift()?.key);
      }
      expect(addresses.lingering).toBe(expected.length);
    }
  });
});
