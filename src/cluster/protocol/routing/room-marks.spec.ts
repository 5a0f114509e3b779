/** What is noted of rooms and peers must not outlive the peers: a peer that is gone may have megabytes in its queue. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { nodeCipherSuite } from '../../bus/cipher-suites.js';
import { TIMING } from '../options.js';
import { Members } from '../peers/members.js';
import type { Peer } from '../peers/peer.js';
import { roomNamed, VirtualLan } from '../testing/virtual-lan.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const hall = roomNamed('hall');
const add = Reflect.get(Members.prototype, 'add');

describe('the marks of a room', () => {
  const met: WeakRef<Peer>[] = [];

  beforeEach(() => {
    met.length = 0;
    Members.prototype.add = function (this: Members, peer: Peer): void {
      met.push(new WeakRef(peer));
      add.call(this, peer);
    };
  });

  afterEach(() => {
    Members.prototype.add = add;
  });

  it.each([2, 6])('keep no peers that are gone, in a cluster of %i', async (nodes) => {
    const lan = new VirtualLan(nodeCipherSuite);
    const [sender, ...others] = Array.from({ length: nodes }, (_, index) => lan.add(`n${index}`));
    const last = others.at(-1);
    if (sender === undefined) throw new RangeError('the first is the sender');
    lan.run(3_000);
    const publish = (): void => {
      sender.node.sendToRoom(lan.now, { room: 'hall', from: null, data: Buffer.from('hello') }, 0);
      lan.run(50);
    };
    // few enough that it is published by unicast
    for (const { node } of others.slice(-2)) node.join(lan.now, hall, 1);
    lan.run(100);
    for (let time = 0; time < 5; time += 1) {
      publish();
      // until all have dropped it, then it is met anew
      lan.loses = (_transmit, to, from) => from === last || to === last;
      lan.run(2 * TIMING.deadAfterMs);
      publish();
      lan.loses = () => false;
      lan.run(4_000);
      publish();
    }
    expect(sender.node.peers()).toHaveLength(nodes - 1);
    await setImmediate();
    collectGarbage();
    const kept = met.filter((peer) => peer.deref()?.isGone === true).length;
    // the array in which holders are looked up may have one
    expect(kept).toBeLessThanOrEqual(1);
  });
});
