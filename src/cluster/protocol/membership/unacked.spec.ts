/**
 * A path worked, and then fails for unicast only: a new firewall rule, or a full connection table. Reports go on by
 * broadcast, so no peer falls silent. The messages that do not arrive must be reported all the same.
 */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { nodeCipherSuite } from '../../bus/cipher-suites.js';
import type { SendResult } from '../contract.js';
import { TIMING } from '../options.js';
import { userNamed, VirtualLan, type Host } from '../testing/virtual-lan.js';

/** The time limit, and the time between two checks of the peers. */
const SAID_WITHIN_MS = TIMING.deadAfterMs + 1_500;

let lan: VirtualLan;
let a: Host;
let b: Host;

const send = (body: string): SendResult =>
  a.node.send(lan.now, { to: 'bob', from: null, data: Buffer.from(body) }, 0);
const received = (): string[] => lan.of(b, 'message').map(({ data }) => data.toString());
const stateOfB = (): (string | undefined)[] => a.node.peers().map(({ state }) => state);

beforeEach(() => {
  lan = new VirtualLan(nodeCipherSuite);
  a = lan.add('a');
  b = lan.add('b');
  b.node.join(lan.now, userNamed('bob'), 1);
  lan.run(4_000);
  expect(stateOfB()).toEqual(['up']);
});

describe('a peer that reports, but acks nothing of what it is sent', () => {
  beforeEach(() => {
    lan.loses = (transmit, to) => to === b && transmit.to !== null;
  });

  it('is named as not mutual, once, and keeps its session', () => {
    expect(send('1')).toBe('queued');
    lan.run(TIMING.deadAfterMs - 100);
    expect(lan.of(a, 'gap')).toEqual([]);
    lan.run(SAID_WITHIN_MS - TIMING.deadAfterMs + 100);
    expect(lan.of(a, 'gap')).toMatchObject([{ kind: 'not-mutual', peer: b.node.nodeId }]);
    expect(stateOfB()).toEqual(['pending']);
    lan.run(5 * TIMING.deadAfterMs);
    expect(lan.of(a, 'gap')).toHaveLength(1);
    expect(lan.of(a, 'peer').map(({ change }) => change)).toEqual(['joined']);
  });

  it('is named as not mutual too while it acks what is broadcast', () => {
    expect(send('1')).toBe('queued');
    for (let elapsed = 0; elapsed < SAID_WITHIN_MS; elapsed += 100) {
      a.node.join(lan.now, userNamed(`user-${elapsed}`), 100 + elapsed);
      lan.run(100);
    }
    expect(lan.of(a, 'gap').map(({ kind }) => kind)).toContain('not-mutual');
  });

  it('is not waited for, though it acks what is broadcast', () => {
    expect(send('1')).toBe('queued');
    // Each of its reports acks something new.
    for (let elapsed = 0; elapsed < TIMING.stalledAfterMs + 100; elapsed += 50) {
      a.node.join(lan.now, userNamed(`user-${elapsed}`), 100 + elapsed);
      lan.run(50);
    }
    a.node.send(lan.now, { to: 'bob', from: null, data: Buffer.from('2') }, 7);
    lan.run(1);
    expect(lan.of(a, 'receipt')).toEqual([{ type: 'receipt', token: 7, delivered: 0, complete: false }]);
  });

  it('gets everything when the path is mended, and is mutual again', () => {
    expect(send('1')).toBe('queued');
    lan.run(SAID_WITHIN_MS);
    expect(send('2')).toBe('queued');
    lan.loses = () => false;
    lan.run(2_000);
    expect(received()).toEqual(['1', '2']);
    expect(stateOfB()).toEqual(['up']);
    // A second failure is reported again.
    lan.loses = (transmit, to) => to === b && transmit.to !== null;
    expect(send('3')).toBe('queued');
    lan.run(SAID_WITHIN_MS);
    expect(lan.of(a, 'gap').map(({ kind }) => kind)).toEqual(['not-mutual', 'not-mutual']);
  });
});

describe('a peer whose acks do not arrive', () => {
  it('is named as not mutual: its sender can not know that everything came', () => {
    lan.loses = (transmit, to) => to === a && transmit.to !== null;
    expect(send('1')).toBe('queued');
    lan.run(SAID_WITHIN_MS);
    expect(received()).toEqual(['1']);
    expect(lan.of(a, 'gap')).toMatchObject([{ kind: 'not-mutual', peer: b.node.nodeId }]);
  });
});

describe('a peer that is sent nothing', () => {
  it('is mutual for as long as reports say so', () => {
    lan.run(4 * TIMING.deadAfterMs);
    expect(lan.of(a, 'gap')).toEqual([]);
    expect(stateOfB()).toEqual(['up']);
  });
});

describe('a node that slept while acks were on their way', () => {
  it('waits for them as long again', () => {
    lan.loses = (_transmit, to) => to === b;
    expect(send('1')).toBe('queued');
    lan.run(100);
    a.isPaused = true;
    lan.run(2 * TIMING.deadAfterMs);
    a.isPaused = false;
    lan.run(10);
    expect(lan.of(a, 'warning').map(({ code }) => code)).toContain('stalled');
    expect(lan.of(a, 'gap').filter(({ kind }) => kind === 'not-mutual')).toEqual([]);
  });
});
