/** Most of a large cluster dies at once. Those that live report rarely, as many nodes do, and must not be taken for dead. */
import { describe, expect, it } from '@jest/globals';
import { nodeCipherSuite } from '../../bus/cipher-suites.js';
import { VirtualLan } from '../testing/virtual-lan.js';

/** With this each of 12 nodes has the pace that it has with the defaults among 144. */
const FLAT = 1;

describe('a node that loses most of its peers at once', () => {
  it.each([0, 2_000, 4_000, 6_000, 8_000, 10_000])('does not drop one that lives (after %i ms)', (ms) => {
    const lan = new VirtualLan(nodeCipherSuite);
    const hosts = Array.from({ length: 12 }, (_, index) =>
      lan.add(`n${index}`, { timing: { reportMembersFlat: FLAT } }),
    );
    const [one, ...others] = hosts;
    const dying = others.slice(0, -1);
    if (one === undefined) throw new RangeError('there are 12');
    lan.run(60_000 + ms);
    for (const host of dying) host.isPaused = true;
    lan.run(60_000);
    const lost = lan.of(one, 'peer').filter(({ change }) => change === 'lost');
    expect(lost).toHaveLength(dying.length);
    expect(lost.map(({ peer }) => peer.name)).not.toContain('n11');
  });
});
