/** What waits for other nodes is bounded for each, and for all together. */
import { expect, it } from '@jest/globals';
import { nodeCipherSuite } from '../../bus/cipher-suites.js';
import { userNamed, VirtualLan } from '../testing/virtual-lan.js';

const KIB = 1_024;
const limits = { unicastQueueBytes: 256 * KIB, unicastQueuesBytes: 600 * KIB };
const DATA = Buffer.alloc(1_000);

/** How much may be queued at once towards the first of so many peers. */
function queuedUpTo(peers: number, messageBytesMax: number): number {
  const lan = new VirtualLan(nodeCipherSuite);
  const options = { messageBytesMax, limits };
  const a = lan.add('a', options);
  const [first] = Array.from({ length: peers }, (_, index) => lan.add(`${index}`, options));
  first?.node.join(lan.now, userNamed('bob'), 1);
  lan.run(2_000);
  let result: string;
  do result = a.node.send(lan.now, { to: 'bob', from: null, data: DATA }, 0);
  while (result === 'queued');
  expect(result).toBe('congested');
  return a.node.statistics().queuedBytes;
}

it.each([
  ['the bound of one, while all have room for it', 2, 10_000, 256],
  ['an equal share of the bound of all, where there are many', 4, 10_000, 150],
  ['two of the largest messages, however many there are', 4, 100 * KIB, 200],
  ['no more than the bound of one, however large messages are', 4, 1_024 * KIB, 256],
])('the queue towards a peer has %s', (_, peers, messageBytesMax, kib) => {
  const queued = queuedUpTo(peers, messageBytesMax);
  expect(queued).toBeLessThanOrEqual(kib * KIB);
  expect(queued).toBeGreaterThan(kib * KIB - 2 * DATA.length);
});
