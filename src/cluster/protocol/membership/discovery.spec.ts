import { beforeEach, describe, expect, it } from '@jest/globals';
import { nodeCipherSuite } from '../../bus/cipher-suites.js';
import { TIMING } from '../options.js';
import { OpenWire } from '../testing/open-wire.js';
import { VirtualLan, type Host } from '../testing/virtual-lan.js';
import { FRAME_KNOCK } from '../wire/frames.js';

let lan: VirtualLan;

beforeEach(() => {
  lan = new VirtualLan(nodeCipherSuite);
});

describe('datagrams with the boot id of the node itself', () => {
  it('do not make a deaf node hear itself, if they are forged or have come before', () => {
    const a = lan.add('a');
    lan.run(2_000);
    expect(a.node.isReady()).toBe(true);
    const heard = lan.recorded.at(0)?.transmit.bytes as Buffer;
    // From now on its broadcasts are lost. An attacker sends it datagrams that look like its own.
    lan.alters = (transmit) => ({ ...transmit, to: '10.77.0.99:1' });
    const forged = Buffer.from(heard);
    for (let count = 0; count < 50; count += 1) {
      lan.run(TIMING.reportIdleMs / 10);
      forged.writeUIntBE(1e6 + count, 12, 6);
      a.node.handleDatagram(lan.now, 'shared', Buffer.from(forged), a.endpoint);
      a.node.handleDatagram(lan.now, 'shared', Buffer.from(heard), a.endpoint);
    }
    expect(a.node.isReady()).toBe(false);
    lan.alters = (transmit) => transmit;
    lan.run(2 * TIMING.reportIdleMs);
    expect(a.node.isReady()).toBe(true);
  });

  it('do not make a node of a mesh leave a seed alone', () => {
    const seed = '10.77.0.200:4000';
    const wire = new OpenWire(lan, nodeCipherSuite);
    const a = lan.add('a', { mode: 'mesh', seeds: [seed] });
    const knocks = (): number =>
      lan.recorded.filter(({ transmit }) => transmit.to === seed && wire.carries(transmit, FRAME_KNOCK))
        .length;
    lan.run(1_000);
    const forged = Buffer.from(lan.recorded.at(0)?.transmit.bytes as Buffer);
    forged.writeUInt8(forged.readUInt8(30) ^ 1, 30);
    a.node.handleDatagram(lan.now, 'own', forged, seed);
    const before = knocks();
    expect(before).toBeGreaterThan(0);
    lan.run(4 * TIMING.knockIntervalMs);
    expect(knocks()).toBeGreaterThan(before);
  });

  it('make it leave the seed alone when they are its own: it does not knock at itself', () => {
    const wire = new OpenWire(lan, nodeCipherSuite);
    lan.add('a', { mode: 'mesh', seeds: ['10.77.0.1:4000'] });
    lan.run(5 * TIMING.knockIntervalMs);
    expect(lan.recorded.filter(({ transmit }) => wire.carries(transmit, FRAME_KNOCK))).toHaveLength(1);
  });
});

describe('two nodes of a mesh that were cut off from each other', () => {
  it('meet again, wherever recordings of them came from meanwhile', () => {
    const seeds = ['10.77.0.3:4000'];
    const [a, b, c] = ['a', 'b', 'c'].map((name) => lan.add(name, { mode: 'mesh', seeds })) as [
      Host,
      Host,
      Host,
    ];
    lan.run(3_000);
    const lists = (host: Host, other: Host): boolean =>
      host.node.peers().some(({ nodeId, state }) => nodeId === other.node.nodeId && state === 'up');
    expect(lists(a, b) && lists(b, a)).toBe(true);
    lan.loses = (_transmit, to, from) => to !== c && from !== c;
    lan.run(2 * TIMING.deadAfterMs);
    expect(lists(a, b) || lists(b, a)).toBe(false);
    // Reports that only the third node has received are replayed to the two, from an address that no node has.
    const reports = lan.recorded.filter(({ transmit }) => transmit.to === c.endpoint);
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      const recording = reports.findLast((report) => report.from === from.endpoint);
      to.node.handleDatagram(lan.now, 'own', recording?.transmit.bytes as Buffer, '10.9.9.9:6666');
    }
    lan.loses = () => false;
    lan.run(4 * TIMING.deadAfterMs);
    expect(lists(a, b) && lists(b, a)).toBe(true);
  });
});
