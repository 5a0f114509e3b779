/** A sender counts every message that it gives up. It drops no part of one silently, and no part of a delivered one. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { nodeCipherSuite } from '../../bus/cipher-suites.js';
import { TIMING } from '../options.js';
import { OpenWire } from '../testing/open-wire.js';
import { userNamed, VirtualLan, type Host } from '../testing/virtual-lan.js';
import { FRAME_HELLO, FRAME_REPORT } from '../wire/frames.js';

let lan: VirtualLan;
let wire: OpenWire;
let a: Host;
let b: Host;

beforeEach(() => {
  lan = new VirtualLan(nodeCipherSuite);
  wire = new OpenWire(lan, nodeCipherSuite);
  a = lan.add('a');
  b = lan.add('b');
  b.node.join(lan.now, userNamed('bob'), 1);
});

const send = (body: string): void => {
  expect(a.node.send(lan.now, { to: 'bob', from: null, data: Buffer.from(body) }, 0)).toBe('queued');
};
const received = (): string[] => lan.of(b, 'message').map(({ data }) => data.toString());
const toldBy = (host: Host, kind: string): number =>
  lan
    .of(host, 'gap')
    .filter((gap) => gap.kind === kind)
    .reduce((sum, { count }) => sum + (count ?? 0), 0);

describe('R3: a large message that a drop cuts', () => {
  /** More than a window of fragments: a part of it is sent, the rest waits for acks. */
  const large = 'x'.repeat(600_000);

  it('goes as a whole, counted once, and leaves no tail to the next session', () => {
    lan.run(2_000);
    // b hears nothing of a until it has forgotten a's session. a hears b all the time, and keeps its session.
    lan.loses = (_transmit, _to, from) => from === a;
    send('sent, never delivered');
    send(large);
    send('young');
    send(large.replaceAll('x', 'y'));
    lan.run(TIMING.deadAfterMs + 1_000);
    expect(lan.of(b, 'peer').map(({ change }) => change)).toEqual(['joined', 'lost']);
    expect(lan.of(a, 'peer').map(({ change }) => change)).toEqual(['joined']);

    lan.loses = () => false;
    lan.run(2_000);
    expect(toldBy(a, 'lost')).toBe(2);
    expect(received()).toEqual(['young', large.replaceAll('x', 'y')]);
    expect(a.node.statistics().queuedRecords).toBe(0);
  });
});

describe('R9: messages held for a peer that has not opened its stream', () => {
  beforeEach(() => {
    // b is known and proven, its users too; but none of its HELLOs arrives.
    lan.loses = (transmit, _to, from) => from === b && wire.carries(transmit, FRAME_HELLO);
    lan.run(2_000);
    expect(a.node.peers()).toMatchObject([{ entries: 1, complete: true }]);
  });

  it('are dropped after a second, and every one of them is told', () => {
    for (const body of ['1', '2', '3']) send(body);
    lan.run(TIMING.holdMs - 100);
    expect(toldBy(a, 'incomplete')).toBe(0);
    send('4');
    lan.run(200);
    expect(toldBy(a, 'incomplete')).toBe(3);
    lan.run(TIMING.holdMs);
    expect(toldBy(a, 'incomplete')).toBe(4);
    expect(
      lan
        .of(a, 'gap')
        .filter(({ kind }) => kind === 'incomplete')
        .map(({ peer }) => peer),
    ).toEqual([b.node.nodeId, b.node.nodeId]);
    lan.loses = () => false;
    send('5');
    lan.run(1_000);
    expect(received()).toEqual(['5']);
  });

  it('make a receipt incomplete', () => {
    a.node.send(lan.now, { to: 'bob', from: null, data: Buffer.from('1') }, 7);
    lan.run(TIMING.holdMs + 500);
    expect(lan.of(a, 'receipt')).toEqual([{ type: 'receipt', token: 7, delivered: 0, complete: false }]);
  });

  it('go out when it opens its stream in time', () => {
    send('1');
    lan.run(TIMING.holdMs - 300);
    lan.loses = () => false;
    lan.run(1_000);
    expect(received()).toEqual(['1']);
    expect(toldBy(a, 'incomplete')).toBe(0);
  });

  it('are counted with the peer that dies before their time is up', () => {
    lan.loses = (_transmit, _to, from) => from === b;
    lan.run(TIMING.deadAfterMs - 600);
    send('1');
    send('2');
    lan.run(TIMING.holdMs);
    expect(lan.of(a, 'peer').map(({ change }) => change)).toEqual(['joined', 'lost']);
    expect(toldBy(a, 'incomplete') + toldBy(a, 'lost')).toBe(2);
  });
});

describe('a peer whose reports are lost', () => {
  const sendBurst = (): string[] =>
    Array.from({ length: 12 }, () =>
      a.node.send(lan.now, { to: 'bob', from: null, data: Buffer.alloc(1_000) }, 0),
    );

  beforeEach(() => {
    lan = new VirtualLan(nodeCipherSuite);
    wire = new OpenWire(lan, nodeCipherSuite);
    a = lan.add('a', { limits: { unicastQueueRecords: 4 } });
    b = lan.add('b');
    b.node.join(lan.now, userNamed('bob'), 1);
    lan.run(2_000);
    lan.loses = (transmit, _to, from) => from === b && wire.carries(transmit, FRAME_REPORT);
  });

  it('congests as long as it acks: nothing is dropped for it', () => {
    while (a.node.peers()[0]?.state !== 'silent') {
      send('x');
      lan.run(50);
    }
    send('x');
    lan.run(50);
    expect(sendBurst()).toContain('congested');
    lan.run(200);
    expect(toldBy(a, 'incomplete')).toBe(0);
  });

  it('delays nobody when nothing is heard of it at all', () => {
    lan.run(TIMING.silentAfterMs + 500);
    expect(a.node.peers()[0]?.state).toBe('silent');
    expect(sendBurst()).not.toContain('congested');
    lan.run(200);
    expect(toldBy(a, 'incomplete')).toBeGreaterThan(0);
  });
});

describe('receipts and answers for a peer that acks nothing', () => {
  it('have twice the room of messages; what is left out beyond is counted', () => {
    const limits = { unicastQueueRecords: 4 };
    lan = new VirtualLan(nodeCipherSuite);
    a = lan.add('a', { limits });
    b = lan.add('b');
    b.node.join(lan.now, userNamed('bob'), 1);
    lan.run(2_000);
    lan.loses = (_transmit, _to, from) => from === b;
    for (let receipt = 1; receipt <= 12; receipt += 1) {
      a.node.acknowledge(lan.now, b.node.nodeId, receipt, 1);
      lan.run(1);
    }
    // One message more than fits is taken, because only what is queued already is counted.
    expect(a.node.statistics()).toMatchObject({ queuedRecords: 9, answersDropped: 3 });
  });
});
