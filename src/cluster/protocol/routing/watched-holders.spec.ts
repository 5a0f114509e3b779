import { beforeEach, describe, expect, it } from '@jest/globals';
import { nodeCipherSuite } from '../../bus/cipher-suites.js';
import { TIMING } from '../options.js';
import { userNamed, VirtualLan, VIRTUAL_LAN_SECRET, type Host } from '../testing/virtual-lan.js';

/** After this time the nodes know each other and all users. */
const ACQUAINTED_MS = 2_000;

describe('a watched user', () => {
  let lan: VirtualLan;
  let a: Host;
  let b: Host;
  let c: Host;

  beforeEach(() => {
    lan = new VirtualLan(nodeCipherSuite);
    [a, b, c] = [lan.add('a'), lan.add('b'), lan.add('c')];
    lan.run(ACQUAINTED_MS);
  });

  const told = () => lan.of(a, 'holders').map(({ address, isHeld }) => `${address.name} ${isHeld}`);

  it('is told when the first node holds the user, and when the last one has left', () => {
    a.node.watch(userNamed('bob'));
    b.node.join(lan.now, userNamed('bob'), 1);
    c.node.join(lan.now, userNamed('bob'), 2);
    b.node.join(lan.now, userNamed('another'), 3);
    lan.run(10);
    expect(told()).toEqual(['bob true']);
    b.node.leave(lan.now, userNamed('bob'), 0);
    lan.run(10);
    expect(told()).toEqual(['bob true']);
    c.node.leave(lan.now, userNamed('bob'), 0);
    lan.run(10);
    expect(told()).toEqual(['bob true', 'bob false']);
  });

  it('costs no datagram: as many are sent as without', () => {
    const quiet = (watches: number): number => {
      const other = new VirtualLan(nodeCipherSuite);
      const hosts = [other.add('a'), other.add('b')];
      other.run(ACQUAINTED_MS);
      for (let user = 0; user < watches; user += 1) hosts[0]?.node.watch(userNamed(`user-${user}`));
      const before = other.recorded.length;
      other.run(10_000);
      for (let user = 0; user < watches; user += 1) hosts[0]?.node.unwatch(userNamed(`user-${user}`));
      other.run(10_000);
      return other.recorded.length - before;
    };
    expect(quiet(10_000)).toBe(quiet(0));
  });

  it('is told when the node that held the user has died, and when another one holds the user', () => {
    b.node.join(lan.now, userNamed('bob'), 1);
    lan.run(10);
    a.node.watch(userNamed('bob'));
    b.isPaused = true;
    lan.run(TIMING.deadAfterMs + TIMING.holdMs);
    expect(told()).toEqual(['bob false']);
    c.node.join(lan.now, userNamed('bob'), 1);
    lan.run(10);
    expect(told()).toEqual(['bob false', 'bob true']);
  });

  it('is seen on a node that seals with another secret', () => {
    const other = new VirtualLan(nodeCipherSuite);
    const next = Buffer.alloc(32, 2);
    const x = other.add('x', { secrets: [VIRTUAL_LAN_SECRET, next] });
    const y = other.add('y', { secrets: [next, VIRTUAL_LAN_SECRET] });
    other.run(ACQUAINTED_MS);
    x.node.watch(userNamed('bob'));
    y.node.join(other.now, userNamed('bob'), 1);
    other.run(10);
    y.node.leave(other.now, userNamed('bob'), 0);
    other.run(10);
    expect(other.of(x, 'holders').map(({ isHeld }) => isHeld)).toEqual([true, false]);
  });
});
