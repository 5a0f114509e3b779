import { beforeEach, describe, expect, it } from '@jest/globals';
import { nodeCipherSuite } from '../../bus/cipher-suites.js';
import { TIMING } from '../options.js';
import { OpenWire } from '../testing/open-wire.js';
import { userNamed, VirtualLan, type Host } from '../testing/virtual-lan.js';
import {
  CAPABILITY_LARGE_DATAGRAMS,
  CAPABILITY_ROOMS,
  FRAME_ACKS,
  FRAME_HELLO,
  FRAME_RECORD_BROADCAST,
  FRAME_STATUS,
  FRAME_WELCOME,
} from '../wire/frames.js';

const HOSTS = 8;

let lan: VirtualLan;
let wire: OpenWire;
let tokens: number;

/** How many datagrams with such a frame one host has sent, or all have. */
function countOf(type: number, from?: Host): number {
  return lan.recorded.filter(
    (sent) => (from === undefined || sent.from === from.endpoint) && wire.carries(sent.transmit, type),
  ).length;
}

function join(host: Host): void {
  tokens += 1;
  host.node.join(lan.now, userNamed(`user-${tokens}`), tokens);
}

function reachable(): { complete: boolean }[] {
  return lan.hosts.flatMap((host) => lan.of(host, 'reachable'));
}

beforeEach(() => {
  lan = new VirtualLan(nodeCipherSuite);
  wire = new OpenWire(lan, nodeCipherSuite);
  tokens = 0;
  for (let index = 0; index < HOSTS; index += 1) lan.add(`host-${index}`);
  lan.run(4_000);
  lan.recorded.length = 0;
});

describe('a lone join', () => {
  it('is announced in its own turn, and waits for nothing but the acks', () => {
    const [a] = lan.hosts as [Host];
    join(a);
    lan.run(0);
    expect(countOf(FRAME_RECORD_BROADCAST, a)).toBe(1);
    lan.run(TIMING.ackUrgentMs + 1);
    expect(reachable()).toEqual([expect.objectContaining({ complete: true })]);
  });

  it('is no slower when others join elsewhere, each after a while', () => {
    for (const host of lan.hosts.slice(0, 3)) {
      join(host);
      lan.run(0);
      expect(countOf(FRAME_RECORD_BROADCAST, host)).toBe(1);
      lan.run(500);
    }
    expect(reachable()).toHaveLength(3);
  });
});

describe('a storm of joins at one node', () => {
  it('costs each peer a datagram every few milliseconds, and one to ack it', () => {
    const [a] = lan.hosts as [Host];
    const joins = 200;
    for (let count = 0; count < joins; count += 1) {
      join(a);
      lan.run(0.5);
    }
    lan.run(50);
    const announced = countOf(FRAME_RECORD_BROADCAST, a);
    expect(announced).toBeLessThan(joins / 5);
    expect(countOf(FRAME_STATUS)).toBeLessThanOrEqual(announced * (HOSTS - 1));
    expect(reachable()).toHaveLength(joins);
    expect(reachable().every(({ complete }) => complete)).toBe(true);
  });

  it('makes a join wait for a few milliseconds at most', () => {
    const [a] = lan.hosts as [Host];
    join(a);
    lan.run(1);
    join(a);
    lan.run(TIMING.gatherMs - 1.1);
    expect(countOf(FRAME_RECORD_BROADCAST, a)).toBe(1);
    lan.run(0.2);
    expect(countOf(FRAME_RECORD_BROADCAST, a)).toBe(2);
  });

  it('delays no publication', () => {
    const [a, b] = lan.hosts as [Host, Host];
    join(a);
    lan.run(1);
    join(a);
    a.node.publish(lan.now, 'audit', Buffer.from('now'));
    lan.run(0.5);
    expect(lan.of(b, 'publication')).toHaveLength(1);
  });
});

describe('a storm of joins at all nodes', () => {
  it('acks them together, for all peers in one datagram', () => {
    for (let round = 0; round < 40; round += 1) {
      for (const host of lan.hosts) join(host);
      lan.run(5);
    }
    lan.run(100);
    const acked = countOf(FRAME_ACKS);
    const announced = countOf(FRAME_RECORD_BROADCAST);
    // Each would be acked to 7 peers otherwise.
    expect(acked + countOf(FRAME_STATUS)).toBeLessThan(2 * announced);
    expect(announced).toBeLessThan(40 * HOSTS);
    expect(reachable()).toHaveLength(40 * HOSTS);
    expect(reachable().every(({ complete }) => complete)).toBe(true);
  });

  it('misses nobody while datagrams are lost', () => {
    lan.lossRate = 0.02;
    for (let round = 0; round < 40; round += 1) {
      for (const host of lan.hosts) join(host);
      lan.run(5);
    }
    lan.run(300);
    expect(reachable()).toHaveLength(40 * HOSTS);
    expect(lan.hosts.flatMap((host) => lan.of(host, 'gap'))).toEqual([]);
    for (const host of lan.hosts) {
      const entries = host.node.peers().map((peer) => peer.entries);
      expect(entries).toEqual(Array.from({ length: HOSTS - 1 }, () => 40));
    }
  });
});

describe('a peer of a version that does not know shared acks', () => {
  it('is acked by itself', () => {
    const mixed = new VirtualLan(nodeCipherSuite);
    const open = new OpenWire(mixed, nodeCipherSuite);
    const hosts = [mixed.add('old'), mixed.add('new'), mixed.add('newer')] as [Host, Host, Host];
    const [old] = hosts;
    mixed.alters = (transmit, from) => {
      if (from !== old || transmit.to === null) return transmit;
      const frames = open.framesOf(transmit).map((frame) => {
        const at = frame.type === FRAME_HELLO ? 16 : frame.type === FRAME_WELCOME ? 26 : 0;
        if (at === 0) return frame;
        const body = Buffer.from(frame.body);
        body.writeUInt32BE(CAPABILITY_ROOMS | CAPABILITY_LARGE_DATAGRAMS, at);
        return { ...frame, body };
      });
      return { ...transmit, bytes: open.withFrames(transmit, frames) };
    };
    mixed.run(4_000);
    // What the others share would not be read by it.
    mixed.loses = (transmit, to) => to === old && open.carries(transmit, FRAME_ACKS);
    for (const host of [old, hosts[1]]) host.node.join(mixed.now, userNamed('x'), 1);
    mixed.run(TIMING.ackUrgentMs + 1);
    expect(mixed.of(old, 'reachable')).toEqual([expect.objectContaining({ complete: true })]);
  });
});
