import { describe, expect, it } from '@jest/globals';
import { nodeCipherSuite } from '../../bus/cipher-suites.js';
import { OpenWire } from '../testing/open-wire.js';
import { userNamed, VirtualLan, type Host } from '../testing/virtual-lan.js';
import { FRAME_RECORD_UNICAST } from '../wire/frames.js';

/** Kernel memory of a datagram of up to 1,900 bytes. */
const KERNEL_BYTES = 2_304;
/** Larger than any control datagram of two nodes, smaller than a full record. */
const RECORD_LIKE_BYTES = 600;

/** The most broadcast records that any one instant sends out: how far the window is open. */
class LargestBurst {
  records = 0;
  #at = -1;
  #ofInstant = 0;

  constructor(lan: VirtualLan, towards: Host) {
    lan.loses = ({ to, bytes }, host) => {
      if (to !== null || host !== towards || bytes.length < RECORD_LIKE_BYTES) return false;
      this.#ofInstant = this.#at === lan.now ? this.#ofInstant + 1 : 1;
      this.#at = lan.now;
      this.records = Math.max(this.records, this.#ofInstant);
      return false;
    };
  }
}

describe('the broadcast window', () => {
  it('leaves room for others beside the echo in its own socket', () => {
    const lan = new VirtualLan(nodeCipherSuite);
    const receiveBufferBytes = 425_984;
    const a = lan.add('a', { receiveBufferBytes });
    const b = lan.add('b');
    lan.run(2_000);
    const burst = new LargestBurst(lan, b);
    expect(a.node.publish(lan.now, 'audit', Buffer.alloc(500_000))).toBe(true);
    lan.run(500);
    expect(lan.of(b, 'publication')).toHaveLength(1);
    expect(burst.records * KERNEL_BYTES).toBeGreaterThan(receiveBufferBytes / 8);
    expect(burst.records * KERNEL_BYTES).toBeLessThan(receiveBufferBytes / 2);
  });

  it('stays that of a peer with a small buffer, however long it is shut, while the peer keeps up', () => {
    const lan = new VirtualLan(nodeCipherSuite);
    const receiveBufferBytes = 212_992;
    const a = lan.add('a', { timing: { laggardAfterMs: 300 }, limits: { broadcastRingBytes: 1 << 20 } });
    const b = lan.add('b', { receiveBufferBytes });
    lan.add('c', { timing: { ackDelayMs: 0.1 } });
    // Its cable is slower than that of the peer with a large buffer, so it is always the slowest.
    let cableIsFreeAt = 0;
    lan.delayMs = (to) => {
      if (to !== b) return 0.2;
      cableIsFreeAt = Math.max(cableIsFreeAt, lan.now) + 0.1;
      return cableIsFreeAt - lan.now;
    };
    lan.run(2_000);
    const burst = new LargestBurst(lan, b);
    let published = 0;
    for (const end = lan.now + 1_000; lan.now < end; lan.run(10)) {
      while (a.node.publish(lan.now, 'audit', Buffer.alloc(100_000))) published += 1;
    }
    lan.run(500);
    expect(published).toBeGreaterThan(20);
    expect(lan.of(b, 'publication')).toHaveLength(published);
    expect(lan.of(b, 'gap')).toEqual([]);
    expect(burst.records * KERNEL_BYTES).toBeLessThan(receiveBufferBytes);
  });

  it('forgets a peer that shuts it and acks nothing', () => {
    const lan = new VirtualLan(nodeCipherSuite);
    const a = lan.add('a');
    const b = lan.add('b');
    const c = lan.add('c', { receiveBufferBytes: 212_992 });
    lan.run(2_000);
    c.isPaused = true;
    for (let count = 0; count < 4; count += 1) a.node.publish(lan.now, 'audit', Buffer.alloc(500_000));
    lan.run(400);
    expect(lan.of(b, 'publication')).toHaveLength(4);
    c.isPaused = false;
    lan.run(5_000);
    expect(a.node.peers().map(({ state }) => state)).toEqual(['up', 'up']);
  });

  it('forgets a peer that acks but keeps a record waiting for too long', () => {
    const lan = new VirtualLan(nodeCipherSuite);
    const a = lan.add('a');
    const b = lan.add('b');
    const c = lan.add('c', { receiveBufferBytes: 212_992 });
    lan.run(2_000);
    for (let count = 0; count < 4; count += 1) a.node.publish(lan.now, 'audit', Buffer.alloc(500_000));
    // It wakes for 2 ms in 60. So it acks in time, but records would wait for it for a minute.
    for (const end = lan.now + 4_000; lan.now < end; lan.run(2)) {
      c.isPaused = true;
      lan.run(58);
      c.isPaused = false;
    }
    expect(lan.of(b, 'publication')).toHaveLength(4);
  });
});

describe('records that wait for a peer', () => {
  it('share datagrams', () => {
    const lan = new VirtualLan(nodeCipherSuite);
    const wire = new OpenWire(lan, nodeCipherSuite);
    const a = lan.add('a', { datagramBytesMax: 1_200, limits: { unicastWindowRecords: 40 } });
    const b = lan.add('b');
    b.node.join(lan.now, userNamed('bob'), 1);
    lan.run(2_000);
    lan.recorded.length = 0;
    // Each turn closes a record. All that do not fit into the window wait for the first ack.
    for (let count = 0; count < 80; count += 1) {
      a.node.send(lan.now, { to: 'bob', from: null, data: Buffer.from(`"message ${count}"`) }, 0);
      lan.run(0);
    }
    lan.run(50);
    expect(lan.of(b, 'message').map(({ data }) => data.toString())).toEqual(
      Array.from({ length: 80 }, (_, count) => `"message ${count}"`),
    );
    const sent = lan.recorded.filter(({ from }) => from === a.endpoint).map(({ transmit }) => transmit);
    const records = sent.map(
      (transmit) => wire.framesOf(transmit).filter(({ type }) => type === FRAME_RECORD_UNICAST).length,
    );
    expect(Math.max(...records)).toBeGreaterThan(20);
    expect(Math.max(...sent.map(({ bytes }) => bytes.length))).toBeLessThanOrEqual(1_200);
  });
});
