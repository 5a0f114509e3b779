/**
 * One peer takes almost nothing, and later nothing at all. It must not delay the others. Its senders must get a true
 * result at each stage. The peer itself must learn what it missed.
 */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { nodeCipherSuite } from '../../bus/cipher-suites.js';
import { TIMING } from '../options.js';
import { userNamed, VirtualLan, type Host } from '../testing/virtual-lan.js';

/** Small, so that queues fill within seconds of virtual time. */
const limits = { unicastQueueBytes: 256 << 10, broadcastRingBytes: 512 << 10, broadcastWindowRecords: 64 };
/** The sender keeps half of the window for its own echo. */
const windowRecords = limits.broadcastWindowRecords / 2;
const body = (value: number): Buffer => Buffer.alloc(1_000, `${value} `);
const numbersOf = (bodies: readonly Buffer[]): number[] =>
  bodies.map((bytes) => Number.parseInt(bytes.toString(), 10));
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

let lan: VirtualLan;
let sender: Host;
let well: Host;
let laggard: Host;

/** The laggard's kernel has room for so many datagrams per 10 ms; what finds no room is lost. Everything it sends arrives. */
const takesPer10Ms = (room: number): void => {
  let period = -1;
  let taken = 0;
  lan.loses = (_transmit, to) => {
    if (to !== laggard) return false;
    const current = Math.floor(lan.now / 10);
    if (current !== period) [period, taken] = [current, 0];
    taken += 1;
    return taken > room;
  };
};

beforeEach(() => {
  lan = new VirtualLan(nodeCipherSuite);
  sender = lan.add('sender', { limits });
  well = lan.add('well', { limits });
  laggard = lan.add('laggard', { limits });
  well.node.join(lan.now, userNamed('will'), 1);
  laggard.node.join(lan.now, userNamed('lara'), 2);
  lan.run(2_000);
  expect(sender.node.peers()).toMatchObject([{ state: 'up' }, { state: 'up' }]);
});

/** A message a millisecond to each of both, for so long. Returns what became of those to the laggard. */
const sendToBoth = (ms: number, first: number): Record<string, number> => {
  const results: Record<string, number> = {};
  for (let index = first; index < first + ms; index += 1) {
    expect(sender.node.send(lan.now, { to: 'will', from: null, data: body(index) }, 0)).toBe('queued');
    const result = sender.node.send(lan.now, { to: 'lara', from: null, data: body(index) }, 0);
    results[result] = (results[result] ?? 0) + 1;
    lan.run(1);
  }
  return results;
};

describe('messages, while one of the receivers takes little', () => {
  it('are refused with congestion towards it alone, and lose nothing', () => {
    takesPer10Ms(2);
    const results = sendToBoth(1_500, 0);
    // The others keep full speed: each message arrives before the next one is sent.
    expect(numbersOf(lan.of(well, 'message').map(({ data }) => data))).toEqual(upTo(1_500));
    expect(results).toEqual({ queued: expect.any(Number), congested: expect.any(Number) });
    expect(results['congested']).toBeGreaterThan(500);
    expect(sender.node.isCongested).toBe(true);
    expect(lan.of(sender, 'congestion')[0]).toMatchObject({ congested: true });

    lan.loses = () => false;
    lan.run(2_000);
    const arrived = numbersOf(lan.of(laggard, 'message').map(({ data }) => data));
    expect(arrived).toHaveLength(results['queued'] as number);
    expect(arrived).toEqual(arrived.toSorted((one, other) => one - other));
    expect(sender.node.isCongested).toBe(false);
    expect(lan.of(sender, 'gap')).toEqual([]);
  });

  it('are dropped and told, not refused, once it acks no more', () => {
    takesPer10Ms(2);
    sendToBoth(800, 0);
    takesPer10Ms(0);
    // The laggard is found by a timer, not only when something else happens.
    lan.run(TIMING.stalledAfterMs + 10);
    // Senders that waited because of it go on.
    expect(sender.node.isCongested).toBe(false);
    expect(lan.of(sender, 'congestion').at(-1)).toMatchObject({ congested: false });

    const results = sendToBoth(500, 800);
    expect(results).toEqual({ queued: 500 });
    sender.node.send(lan.now, { to: 'lara', from: null, data: body(-1) }, 7);
    expect(lan.of(sender, 'receipt')).toEqual([]);
    lan.run(1);
    expect(lan.of(sender, 'receipt')).toEqual([{ type: 'receipt', token: 7, delivered: 0, complete: false }]);
    lan.run(TIMING.reportIntervalMs * 1.2);
    const told = lan.of(sender, 'gap').filter(({ kind }) => kind === 'incomplete');
    expect(told.every(({ peer }) => peer === laggard.node.nodeId)).toBe(true);
    const givenUp = told.reduce((sum, { count }) => sum + (count ?? 0), 0);
    expect(numbersOf(lan.of(well, 'message').map(({ data }) => data))).toEqual(upTo(1_300));

    // Messages that stayed in the queue still arrive. With those given up they are all that were accepted.
    const accepted = sender.node.statistics().messagesSent - 1_300;
    lan.loses = () => false;
    lan.run(2_000);
    expect(lan.of(laggard, 'message')).toHaveLength(accepted - givenUp);
  });
});

describe('publications, while one of the receivers takes little', () => {
  /** Two a millisecond. Returns how many were taken. */
  const publish = (ms: number, first: number): number => {
    let count = first;
    for (let elapsed = 0; elapsed < ms; elapsed += 1) {
      for (let each = 0; each < 2; each += 1) {
        if (sender.node.publish(lan.now, 'news', body(count))) count += 1;
      }
      lan.run(1);
    }
    return count;
  };
  const readBy = (host: Host): number[] =>
    numbersOf(lan.of(host, 'publication').map(({ body: bytes }) => bytes));

  it('wait for it for two seconds at most, while it acks; then the stream goes on without it, and it gaps and rejoins', () => {
    takesPer10Ms(1);
    let published = publish(TIMING.laggardAfterMs - 500, 0);
    expect(readBy(well).length).toBeLessThan(1_000);
    published = publish(1_000, published);
    const before = published;
    published = publish(1_000, published);
    expect(published - before).toBe(2_000);
    lan.run(10);
    expect(readBy(well)).toEqual(upTo(published));

    lan.loses = () => false;
    lan.run(2_000);
    const gaps = lan.of(laggard, 'gap');
    expect(gaps[0]).toMatchObject({ kind: 'gap', peer: sender.node.nodeId });
    // It says how many records it missed: each publication here is one.
    expect(readBy(laggard).length + (gaps[0]?.count ?? 0)).toBe(published);
    expect(lan.of(laggard, 'peer').at(-1)).toMatchObject({ change: 'rejoined', peer: { name: 'sender' } });
    // It takes part again: it gets everything that is sent now.
    const again = publish(100, published);
    lan.run(50);
    expect(readBy(laggard).slice(-200)).toEqual(readBy(well).slice(-200));
    expect(again).toBe(published + 200);
  });

  /** About as many as the smallest window. */
  const little = { receiveBufferBytes: 64 << 10 };

  it.each([
    ['like the others', {}, {}],
    ['with a smaller buffer than the others', little, {}],
    ['with a larger buffer than the others', {}, little],
  ])('hardly wait for one that acks nothing, %s', (_name, ofLaggard, ofWell) => {
    lan = new VirtualLan(nodeCipherSuite);
    sender = lan.add('sender', { limits });
    laggard = lan.add('laggard', { limits, ...ofLaggard });
    well = lan.add('well', { limits, ...ofWell });
    lan.run(2_000);
    takesPer10Ms(0);
    publish(TIMING.unheardAfterMs + 50, 0);
    const before = readBy(well).length;
    // Half of what it could: two a millisecond is more than a small window carries.
    for (let count = 0; count < 200; count += 1) {
      sender.node.publish(lan.now, 'news', body(count));
      lan.run(1);
    }
    lan.run(20);
    expect(readBy(well).length - before).toBeGreaterThanOrEqual(200);
  });

  it('wait for one whose answers are lost several times in a row', () => {
    const start = lan.now;
    // The first record is lost. At first nothing of what the peer sends arrives, and its reports never do. So only its
    // answer to a POLL can keep it in the window.
    let isFirst = true;
    lan.loses = (transmit, to, from) => {
      if (from === laggard) return transmit.to === null || lan.now < start + TIMING.unheardAfterMs - 15;
      const isLost = isFirst && to === laggard && transmit.to === null;
      if (isLost) isFirst = false;
      return isLost;
    };
    for (let count = 0; count <= windowRecords; count += 1) {
      sender.node.publish(lan.now, 'news', body(count));
    }
    lan.run(1_000);
    expect(readBy(well)).toEqual(upTo(windowRecords + 1));
    expect(readBy(laggard)).toEqual(upTo(windowRecords + 1));
    expect(lan.of(laggard, 'gap')).toEqual([]);
  });

  it('wait no longer for one that acks nothing because nothing else happens', () => {
    takesPer10Ms(0);
    for (let count = 0; count <= windowRecords; count += 1) {
      sender.node.publish(lan.now, 'news', body(count));
    }
    lan.run(TIMING.unheardAfterMs - 10);
    expect(readBy(well)).toHaveLength(windowRecords);
    lan.run(20);
    expect(readBy(well)).toHaveLength(windowRecords + 1);
  });

  it('are repaired when it comes back before the window was shut because of it', () => {
    takesPer10Ms(0);
    const published = publish(windowRecords / 2, 0);
    lan.run(500);
    expect(readBy(laggard)).toEqual([]);
    lan.loses = () => false;
    lan.run(1_000);
    expect(readBy(laggard)).toEqual(upTo(published));
    expect(lan.of(laggard, 'gap')).toEqual([]);
  });
});
