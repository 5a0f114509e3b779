import { beforeEach, describe, expect, it } from '@jest/globals';
import { nodeCipherSuite } from '../../bus/cipher-suites.js';
import type { Transmit } from '../contract.js';
import { FRAME_RECORD_UNICAST } from '../wire/frames.js';
import { LIMITS, TIMING } from '../options.js';
import { OpenWire } from '../testing/open-wire.js';
import { userNamed, VirtualLan, type Host } from '../testing/virtual-lan.js';

/** After this time the nodes know each other and all users. */
const ACQUAINTED_MS = 2_000;

describe('who holds a user', () => {
  let lan: VirtualLan;
  let a: Host;
  let b: Host;

  beforeEach(() => {
    lan = new VirtualLan(nodeCipherSuite);
    a = lan.add('a', { limits: { ...LIMITS, removalsMax: 1 } });
    b = lan.add('b');
  });

  const holders = (user: string) => a.node.holders(lan.now, userNamed(user));

  /** From now on unicast datagrams of `b` are lost, except those that open sessions. */
  const loseSnapshot = (): void => {
    const wire = new OpenWire(lan, nodeCipherSuite);
    lan.loses = (transmit: Transmit, _to, from) =>
      from === b && transmit.to !== null && wire.carries(transmit, FRAME_RECORD_UNICAST);
  };

  it('is looked up without a datagram, and follows joins and leaves', () => {
    lan.run(ACQUAINTED_MS);
    b.node.join(lan.now, userNamed('bob'), 1);
    b.node.join(lan.now, userNamed('bob'), 2);
    lan.run(10);
    const sent = lan.recorded.length;
    expect(holders('bob')).toEqual({ peers: [b.node.nodeId], complete: true });
    expect(holders('nobody')).toEqual({ peers: [], complete: true });
    a.node.flush(lan.now);
    expect(a.node.pollTransmit()).toBeUndefined();
    expect(lan.recorded).toHaveLength(sent);
    b.node.leave(lan.now, userNamed('bob'), 0);
    lan.run(10);
    expect(holders('bob').peers).toEqual([b.node.nodeId]);
    b.node.leave(lan.now, userNamed('bob'), 0);
    lan.run(10);
    expect(holders('bob')).toEqual({ peers: [], complete: true });
  });

  it('is not certain while the users of a peer are being learnt', () => {
    b.node.join(lan.now, userNamed('bob'), 1);
    loseSnapshot();
    lan.run(2 * TIMING.settleMaxMs);
    expect(a.node.peers()).toMatchObject([{ nodeId: b.node.nodeId, complete: false }]);
    expect(holders('bob')).toEqual({ peers: [], complete: false });
    b.node.join(lan.now, userNamed('late'), 2);
    lan.run(10);
    expect(holders('late')).toEqual({ peers: [b.node.nodeId], complete: false });
    lan.loses = () => false;
    lan.run(ACQUAINTED_MS);
    expect(holders('bob')).toEqual({ peers: [b.node.nodeId], complete: true });
  });

  it('is learnt anew where more users left than could be noted while they were learnt', () => {
    for (const user of ['bob', 'cem']) b.node.join(lan.now, userNamed(user), 1);
    loseSnapshot();
    lan.run(TIMING.gapAfterMs / 2);
    for (const user of ['bob', 'cem']) b.node.leave(lan.now, userNamed(user), 0);
    lan.run(10);
    lan.loses = () => false;
    lan.run(ACQUAINTED_MS);
    expect(a.node.peers()).toMatchObject([{ nodeId: b.node.nodeId, complete: true }]);
    expect(holders('bob')).toEqual({ peers: [], complete: true });
    expect(holders('cem')).toEqual({ peers: [], complete: true });
    // No message was missed in the meantime.
    expect(lan.of(a, 'gap')).toEqual([]);
  });

  it('is not certain while a peer is silent, and no longer the peer when it counts as dead', () => {
    b.node.join(lan.now, userNamed('bob'), 1);
    lan.run(ACQUAINTED_MS);
    b.isPaused = true;
    lan.run(TIMING.silentAfterMs + 500);
    expect(holders('bob')).toEqual({ peers: [b.node.nodeId], complete: false });
    lan.run(TIMING.deadAfterMs);
    expect(holders('bob')).toEqual({ peers: [], complete: true });
  });

  it('is found whichever of the secrets the peer seals with', () => {
    const secrets = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
    const both = lan.add('both', { secrets });
    const other = lan.add('other', { secrets: secrets.toReversed() });
    other.node.join(lan.now, userNamed('bob'), 1);
    lan.run(ACQUAINTED_MS);
    expect(both.node.holders(lan.now, userNamed('bob')).peers).toEqual([other.node.nodeId]);
  });

  it('is no other node once this node has left the cluster', () => {
    b.node.join(lan.now, userNamed('bob'), 1);
    lan.run(ACQUAINTED_MS);
    a.node.shutdown(lan.now);
    lan.run(ACQUAINTED_MS);
    expect(holders('bob')).toEqual({ peers: [], complete: false });
  });
});
