import { beforeEach, describe, expect, it } from '@jest/globals';
import { nodeCipherSuite } from '../../bus/cipher-suites.js';
import { OpenWire } from '../testing/open-wire.js';
import { userNamed, VirtualLan, type Host } from '../testing/virtual-lan.js';
import { FRAME_HELLO, FRAME_PROBE, FRAME_WELCOME } from '../wire/frames.js';

const USUAL_BYTES = 1_200;
/** What a frame of Ethernet carries of UDP. */
const FRAME_BYTES = 1_472;
const LARGEST_BYTES = 32_768;
/** Where in HELLO and WELCOME the capabilities are. */
const CAPABILITIES_AT = new Map([
  [FRAME_HELLO, 16],
  [FRAME_WELCOME, 26],
]);

describe('larger datagrams', () => {
  let lan: VirtualLan;
  let wire: OpenWire;
  let a: Host;
  let b: Host;
  let c: Host;

  beforeEach(() => {
    lan = new VirtualLan(nodeCipherSuite);
    wire = new OpenWire(lan, nodeCipherSuite);
  });

  function start(datagramBytesMax = LARGEST_BYTES): void {
    a = lan.add('a', { datagramBytesMax });
    b = lan.add('b');
    c = lan.add('c');
    b.node.join(lan.now, userNamed('bob'), 1);
    c.node.join(lan.now, userNamed('cecil'), 1);
    lan.run(2_000);
    lan.recorded.length = 0;
  }

  /** So many messages of 1 KB to each user within a turn, `turns` times. */
  function send(turns: number): void {
    for (let turn = 0; turn < turns; turn += 1) {
      for (const to of ['bob', 'cecil']) {
        for (let count = 0; count < 60; count += 1) {
          a.node.send(lan.now, { to, from: null, data: Buffer.alloc(1_000, `${turn} `) }, 0);
        }
      }
      lan.run(5);
    }
    lan.run(200);
  }

  const sizesTo = (host: Host): number[] =>
    lan.recorded
      .filter(({ from, transmit }) => from === a.endpoint && transmit.to === host.endpoint)
      .map(({ transmit }) => transmit.bytes.length);
  const largestTo = (host: Host): number => Math.max(...sizesTo(host));
  const largeTo = (host: Host): number => sizesTo(host).filter((bytes) => bytes > USUAL_BYTES).length;

  it('are used as soon as there is more to send than one datagram takes', () => {
    start();
    send(5);
    expect(lan.of(b, 'message').map(({ data }) => data.toString('utf8', 0, 1))).toEqual(
      Array.from({ length: 300 }, (_, count) => String(Math.floor(count / 60))),
    );
    expect(largestTo(b)).toBeGreaterThan(LARGEST_BYTES - USUAL_BYTES);
    expect(largestTo(b)).toBeLessThanOrEqual(LARGEST_BYTES);
    // 60 records, in two or three datagrams a turn.
    expect(sizesTo(b).length).toBeLessThan(150);
  });

  it('are not looked for while small ones do', () => {
    start();
    for (let count = 0; count < 20; count += 1) {
      a.node.send(lan.now, { to: 'bob', from: null, data: Buffer.alloc(500, 'x') }, 0);
      lan.run(2);
    }
    expect(largestTo(b)).toBeLessThanOrEqual(USUAL_BYTES);
  });

  it('are not sent at all where that is configured', () => {
    start(USUAL_BYTES);
    send(5);
    expect(largestTo(b)).toBeLessThanOrEqual(USUAL_BYTES);
    expect(lan.of(b, 'message')).toHaveLength(300);
  });

  it('are sent to those whose paths take them, and to nobody else', () => {
    start();
    lan.loses = ({ bytes }, to) => to === c && bytes.length > FRAME_BYTES;
    send(5);
    expect(largestTo(b)).toBeGreaterThan(LARGEST_BYTES - USUAL_BYTES);
    const toCecil = lan.recorded.filter(({ transmit }) => transmit.to === c.endpoint);
    const large = toCecil.filter(({ transmit }) => transmit.bytes.length > USUAL_BYTES);
    expect(large.length).toBeGreaterThan(0);
    expect(large.length).toBeLessThanOrEqual(3);
    expect(large.every(({ transmit }) => wire.carries(transmit, FRAME_PROBE))).toBe(true);
    expect(lan.of(c, 'message')).toHaveLength(300);
  });

  it('end, without a gap, when the path stops carrying them', () => {
    start();
    send(3);
    const before = largeTo(b);
    expect(before).toBeGreaterThan(0);
    lan.loses = ({ bytes }, to) => to === b && bytes.length > FRAME_BYTES;
    send(40);
    expect(largeTo(b) - before).toBeLessThan(10);
    expect(lan.of(b, 'message')).toHaveLength(43 * 60);
    for (const host of [a, b, c]) expect(lan.of(host, 'gap')).toEqual([]);
    expect(largestTo(c)).toBeGreaterThan(LARGEST_BYTES - USUAL_BYTES);
  });

  it('get smaller when some of them are lost', () => {
    start();
    let count = 0;
    // One frame in 200, so a ninth of the largest.
    lan.loses = ({ bytes }, to) => {
      if (to !== b || bytes.length <= FRAME_BYTES) return false;
      count += Math.ceil(bytes.length / FRAME_BYTES);
      const isLost = count >= 200;
      if (isLost) count -= 200;
      return isLost;
    };
    send(40);
    const sizes = sizesTo(b).filter((bytes) => bytes > USUAL_BYTES);
    expect(Math.max(...sizes.slice(0, 20))).toBeGreaterThan(LARGEST_BYTES / 2);
    expect(Math.max(...sizes.slice(-20))).toBeLessThanOrEqual(LARGEST_BYTES / 2);
    expect(lan.of(b, 'message')).toHaveLength(40 * 60);
  });

  it('are not tried on a peer that does not know them', () => {
    lan.alters = (transmit, from) => {
      if (from !== b) return transmit;
      const frames = wire.framesOf(transmit).map(({ type, body }) => {
        const at = CAPABILITIES_AT.get(type);
        if (at !== undefined) body.writeUInt32BE(0, at);
        return { type, body };
      });
      return { ...transmit, bytes: wire.withFrames(transmit, frames) };
    };
    start();
    send(5);
    expect(largestTo(b)).toBeLessThanOrEqual(USUAL_BYTES);
    expect(lan.of(b, 'message')).toHaveLength(300);
    expect(largestTo(c)).toBeGreaterThan(LARGEST_BYTES - USUAL_BYTES);
  });
});
