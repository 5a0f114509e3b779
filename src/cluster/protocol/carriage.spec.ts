import { beforeEach, describe, expect, it } from '@jest/globals';
import { nodeCipherSuite } from '../bus/cipher-suites.js';
import { Carriage } from './carriage.js';
import { LIMITS, TIMING } from './options.js';
import { checkStates } from './testing/state-table.js';
import { roomNamed, userNamed, VirtualLan, type Host } from './testing/virtual-lan.js';
import { TimerTable } from './timers.js';

const data = Buffer.from('"hi"');
const OUTAGE = 'the broker at broker.test is away';

/** Nodes that a broker connects, which can be away. */
class BrokeredLan extends VirtualLan {
  readonly #cutOff = new Set<Host>();

  constructor() {
    super(nodeCipherSuite);
    this.loses = (_transmit, to, from) => this.#cutOff.has(to) || this.#cutOff.has(from);
  }

  cutOff(...hosts: readonly Host[]): void {
    for (const host of hosts) {
      this.#cutOff.add(host);
      host.node.setOutage(this.now, OUTAGE);
    }
  }

  bringBack(...hosts: readonly Host[]): void {
    for (const host of hosts) {
      this.#cutOff.delete(host);
      host.node.setOutage(this.now, null);
    }
  }
}

const changesAt = (host: Host): string[] =>
  host.events.flatMap((event) => (event.type === 'peer' ? [event.change] : []));

describe('Carriage', () => {
  class OneTimer extends TimerTable {
    readonly away = this.timer();
  }

  checkStates(
    {
      make: () => new Carriage(30_000, new OneTimer().away),
      stateOf: ({ state }) => state,
      events: [
        (carriage) => void carriage.fail(0, OUTAGE),
        (carriage) => carriage.last(),
        (carriage) => void carriage.return(1),
      ],
      paths: { up: [], away: [0], 'long-away': [0, 1] },
    },
    //           fail       last       return
    `up        |  away       -          -
     away      |  away       long-away  up
     long-away |  long-away  -          up`,
  );
});

describe('an outage of what carries datagrams', () => {
  let lan: BrokeredLan;
  let a: Host;
  let b: Host;

  const sentBy = (host: Host): number => lan.recorded.filter(({ from }) => from === host.endpoint).length;

  beforeEach(() => {
    lan = new BrokeredLan();
    a = lan.add('a');
    b = lan.add('b');
    b.node.join(lan.now, userNamed('bob'), 1);
    b.node.join(lan.now, roomNamed('chat'), 2);
    lan.run(2_000);
    a.events.length = 0;
    b.events.length = 0;
  });

  it('takes no peer for dead, however long it is, and sends nothing', () => {
    lan.cutOff(a, b);
    lan.recorded.length = 0;
    lan.run(10 * TIMING.deadAfterMs);
    expect(changesAt(a)).toEqual([]);
    expect(sentBy(a)).toBe(0);
    lan.bringBack(a, b);
    lan.run(2_000);
    expect(changesAt(a)).toEqual([]);
    expect(a.node.peers()).toMatchObject([{ name: 'b', state: 'up', complete: true }]);
    expect(lan.of(a, 'gap')).toEqual([]);
  });

  it('counts the silence of a peer from its end', () => {
    lan.cutOff(a, b);
    lan.run(2 * TIMING.deadAfterMs);
    lan.bringBack(a);
    lan.run(TIMING.deadAfterMs - TIMING.reportIdleMs);
    expect(changesAt(a)).toEqual([]);
    lan.run(3 * TIMING.reportIdleMs);
    expect(changesAt(a)).toEqual(['lost']);
  });

  it('refuses messages for users and rooms elsewhere, and keeps none of them', () => {
    lan.cutOff(a, b);
    const { queuedBytes } = a.node.statistics();
    expect(a.node.send(lan.now, { to: 'bob', from: null, data }, 5)).toBe('congested');
    expect(a.node.sendToRoom(lan.now, { room: 'chat', from: null, data }, 6)).toBe('congested');
    expect(a.node.publish(lan.now, 'audit', data)).toBe(false);
    expect(a.node.statistics().queuedBytes).toBe(queuedBytes);
    expect(a.node.isCongested).toBe(false);
    lan.bringBack(a, b);
    lan.run(2_000);
    expect(lan.of(b, 'message')).toEqual([]);
    expect(lan.of(b, 'publication')).toEqual([]);
  });

  it('makes every answer incomplete, at once', () => {
    lan.cutOff(a, b);
    expect(a.node.send(lan.now, { to: 'nobody', from: null, data }, 7)).toBe('none');
    a.node.ask(lan.now, 'where', data, 900, 8);
    a.node.join(lan.now, userNamed('ann'), 9);
    expect(a.node.holders(lan.now, userNamed('nobody')).complete).toBe(false);
    lan.run(0);
    expect(lan.of(a, 'receipt')).toEqual([{ type: 'receipt', token: 7, delivered: 0, complete: false }]);
    expect(lan.of(a, 'answers')).toMatchObject([
      { token: 8, answers: [], missing: [b.node.nodeId], complete: false },
    ]);
    expect(lan.of(a, 'reachable')).toEqual([{ type: 'reachable', token: 9, complete: false }]);
    expect(lan.of(a, 'gap')).toMatchObject([{ peer: b.node.nodeId, kind: 'late' }]);
  });

  it('is followed by complete answers only when the peers have reported', () => {
    lan.cutOff(a, b);
    lan.run(1_000);
    lan.bringBack(a, b);
    a.node.send(lan.now, { to: 'nobody', from: null, data }, 10);
    lan.run(2 * TIMING.reportIdleMs);
    a.node.send(lan.now, { to: 'nobody', from: null, data }, 11);
    lan.run(0);
    expect(lan.of(a, 'receipt')).toMatchObject([
      { token: 10, complete: false },
      { token: 11, complete: true },
    ]);
  });

  it('delivers what was on its way when it began, once', () => {
    expect(a.node.send(lan.now, { to: 'bob', from: null, data }, 12)).toBe('queued');
    lan.cutOff(a, b);
    lan.run(2 * TIMING.deadAfterMs);
    expect(lan.of(a, 'receipt')).toMatchObject([{ token: 12, delivered: 0, complete: false }]);
    lan.bringBack(a, b);
    lan.run(2_000);
    expect(lan.of(b, 'message')).toHaveLength(1);
    expect(lan.of(a, 'gap')).toEqual([]);
  });

  it('shows afterwards who joined and left during it, however many they were', () => {
    lan.cutOff(a, b);
    for (let index = 0; index < 5_000; index += 1)
      a.node.join(lan.now, userNamed(`user ${index}`), 100 + index);
    for (let index = 0; index < 2_000; index += 1)
      a.node.leave(lan.now, userNamed(`user ${index}`), 100 + index);
    lan.run(3_000);
    expect(lan.of(a, 'gap')).toHaveLength(1);
    lan.bringBack(a, b);
    lan.run(3_000);
    expect(b.node.peers()).toMatchObject([{ name: 'a', state: 'up', entries: 3_000, complete: true }]);
  });

  it('keeps no more announcements than the ring has room for', () => {
    const small = lan.add('c', { limits: { broadcastRingBytes: 8_192 } });
    lan.run(3_000);
    lan.cutOff(small);
    for (let index = 0; index < 20_000; index += 1) {
      small.node.join(lan.now, userNamed(`user ${index}`), 1 + index);
      if (index % 100 === 0) small.node.flush(lan.now);
    }
    expect(small.node.statistics().queuedBytes).toBeLessThan(3 * 8_192);
    lan.bringBack(small);
    lan.run(3_000);
    expect(a.node.peers().find(({ name }) => name === 'c')).toMatchObject({
      entries: 20_000,
      complete: true,
    });
    expect(LIMITS.broadcastRingBytes).toBeGreaterThan(8_192);
  });

  it('makes a node not ready when it has lasted, and says why from its beginning', () => {
    lan.cutOff(a, b);
    expect(a.node.problems()).toEqual([OUTAGE]);
    lan.run(TIMING.awayUnreadyMs - 1);
    expect(a.node.isReady()).toBe(true);
    lan.run(2);
    expect(a.node.isReady()).toBe(false);
    lan.bringBack(a, b);
    lan.run(2_000);
    expect(a.node.isReady()).toBe(true);
    expect(a.node.problems()).toEqual([]);
  });

  it('makes no node wait: a node that was congested is not any more', () => {
    while (!a.node.isCongested)
      a.node.send(lan.now, { to: 'bob', from: null, data: Buffer.alloc(60_000) }, 0);
    lan.cutOff(a, b);
    expect(a.node.isCongested).toBe(false);
    lan.run(0);
    expect(lan.of(a, 'congestion').at(-1)).toMatchObject({ congested: false });
  });
});

describe('an outage that begins before a node has started', () => {
  it('lets the view settle only after it', () => {
    const lan = new BrokeredLan();
    const a = lan.add('a');
    const b = lan.add('b');
    lan.cutOff(a);
    lan.run(10_000);
    expect(a.node.isReady()).toBe(false);
    b.node.join(lan.now, userNamed('bob'), 1);
    lan.bringBack(a);
    for (let step = 0; step < 40; step += 1) {
      if (a.node.send(lan.now, { to: 'bob', from: null, data }, 1_000 + step) === 'queued') break;
      lan.run(50);
    }
    lan.run(3_000);
    // Nobody was called offline before the other node was known.
    expect(lan.of(a, 'receipt').filter(({ complete, delivered }) => complete && delivered === 0)).toEqual([]);
    expect(a.node.isReady()).toBe(true);
    expect(lan.of(a, 'warning')).toEqual([]);
  });
});

describe('the datagrams of a broker', () => {
  it('are large only when there is much to send: what begins a session is not padded', () => {
    const lan = new VirtualLan(nodeCipherSuite);
    const sizes = { datagramBytes: 32_768, datagramBytesMax: 32_768 };
    const [a, b] = [lan.add('a', sizes), lan.add('b', sizes)];
    lan.run(2_000);
    expect(Math.max(...lan.recorded.map(({ transmit }) => transmit.bytes.length))).toBeLessThan(1_000);
    b.node.join(lan.now, userNamed('bob'), 1);
    lan.run(100);
    lan.recorded.length = 0;
    for (let count = 0; count < 100; count += 1) {
      a.node.send(lan.now, { to: 'bob', from: null, data: Buffer.alloc(1_000) }, 0);
    }
    lan.run(100);
    expect(lan.of(b, 'message')).toHaveLength(100);
    expect(lan.recorded.filter(({ transmit }) => transmit.bytes.length > 30_000).length).toBeGreaterThan(2);
  });
});

describe('the end of an outage for many nodes', () => {
  it('is no storm: what they send is spread over the time between two reports', () => {
    const lan = new BrokeredLan();
    const hosts = Array.from({ length: 12 }, (_, index) => lan.add(`node ${index}`));
    lan.run(4_000);
    lan.cutOff(...hosts);
    lan.run(8_000);
    lan.recorded.length = 0;
    lan.bringBack(...hosts);
    lan.run(TIMING.reportIntervalMs / 10);
    const soon = lan.recorded.length;
    lan.run(TIMING.reportIntervalMs * 2);
    expect(soon).toBeLessThan(lan.recorded.length / 3);
    for (const host of hosts) expect(changesAt(host).filter((change) => change !== 'joined')).toEqual([]);
  });
});
