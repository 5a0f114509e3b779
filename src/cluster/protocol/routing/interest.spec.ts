import { beforeEach, describe, expect, it } from '@jest/globals';
import { nodeCipherSuite } from '../../bus/cipher-suites.js';
import { LIMITS, TIMING } from '../options.js';
import { OpenWire } from '../testing/open-wire.js';
import { roomNamed, userNamed, VirtualLan, type Host } from '../testing/virtual-lan.js';
import { FRAME_RECORD_BROADCAST } from '../wire/frames.js';

const ACQUAINTED_MS = 2_000;
const data = Buffer.from('1');
const hall = roomNamed('hall');

describe('a room that a node holds', () => {
  let lan: VirtualLan;
  let a: Host;
  let b: Host;
  let c: Host;

  beforeEach(() => {
    lan = new VirtualLan(nodeCipherSuite);
    a = lan.add('a');
    b = lan.add('b', { limits: { ...LIMITS, lingeringMax: 2 } });
    c = lan.add('c');
    lan.run(ACQUAINTED_MS);
  });

  const holdersOf = (name: string) => a.node.holders(lan.now, roomNamed(name)).peers;
  const publish = (token: number) => a.node.sendToRoom(lan.now, { room: 'hall', from: 'ann', data }, token);
  const records = (): number => {
    const wire = new OpenWire(lan, nodeCipherSuite);
    return lan.recorded.filter(({ transmit }) => wire.carries(transmit, FRAME_RECORD_BROADCAST)).length;
  };

  it('gets its messages at that node, once, and nowhere else', () => {
    b.node.join(lan.now, hall, 1);
    c.node.join(lan.now, userNamed('hall'), 2);
    lan.run(10);
    expect(lan.of(b, 'reachable')).toEqual([{ type: 'reachable', token: 1, complete: true }]);
    expect(publish(3)).toBe('queued');
    lan.run(10);
    expect(lan.of(b, 'room-message')).toMatchObject([
      { room: 'hall', from: 'ann', data, messageId: null, event: null },
    ]);
    expect(lan.of(a, 'receipt')).toMatchObject([{ token: 3, delivered: 1, complete: true }]);
    expect([...lan.of(c, 'room-message'), ...lan.of(c, 'message'), ...lan.of(b, 'message')]).toEqual([]);
  });

  it('lingers when the last connection has left, and costs nothing when one comes back', () => {
    b.node.join(lan.now, hall, 1);
    lan.run(10);
    b.node.leave(lan.now, hall, 0);
    lan.run(TIMING.lingerMs - 100);
    expect(publish(3)).toBe('queued');
    const before = records();
    b.node.join(lan.now, hall, 2);
    expect(b.node.pollEvent()).toEqual({ type: 'reachable', token: 2, complete: true });
    lan.run(2 * TIMING.lingerMs);
    expect(records()).toBe(before);
    expect(holdersOf('hall')).toEqual([b.node.nodeId]);
    b.node.leave(lan.now, hall, 0);
    lan.run(TIMING.lingerMs + 10);
    expect(holdersOf('hall')).toEqual([]);
    expect(publish(4)).toBe('none');
  });

  it('lingers only where there are not too many: the oldest ends at once', () => {
    for (const name of ['one', 'two', 'three']) b.node.join(lan.now, roomNamed(name), 1);
    lan.run(10);
    for (const name of ['one', 'two', 'three']) b.node.leave(lan.now, roomNamed(name), 0);
    lan.run(10);
    expect(['one', 'two', 'three'].map((name) => holdersOf(name).length)).toEqual([0, 1, 1]);
    lan.run(TIMING.lingerMs);
    expect(['two', 'three'].map((name) => holdersOf(name).length)).toEqual([0, 0]);
  });

  it('is told to nodes that come later, while it lingers too', () => {
    b.node.join(lan.now, hall, 1);
    lan.run(10);
    b.node.leave(lan.now, hall, 0);
    const d = lan.add('d');
    lan.run(ACQUAINTED_MS);
    expect(d.node.holders(lan.now, hall)).toEqual({ peers: [b.node.nodeId], complete: true });
    lan.run(TIMING.lingerMs);
    expect(d.node.holders(lan.now, hall).peers).toEqual([]);
  });

  it('is reachable without being complete where a node has not acked within the barrier', () => {
    c.isPaused = true;
    b.node.join(lan.now, hall, 1);
    lan.run(TIMING.barrierMs + 5);
    expect(lan.of(b, 'reachable')).toEqual([{ type: 'reachable', token: 1, complete: false }]);
    // c is absent by now: nobody waits for it, and it is late with the next one too.
    b.node.join(lan.now, roomNamed('next'), 2);
    lan.run(TIMING.barrierMs + 5);
    expect(lan.of(b, 'reachable')[1]).toEqual({ type: 'reachable', token: 2, complete: false });
    c.isPaused = false;
    lan.run(500);
    b.node.join(lan.now, hall, 3);
    lan.run(10);
    expect(lan.of(b, 'reachable')[2]).toEqual({ type: 'reachable', token: 3, complete: true });
  });
});
