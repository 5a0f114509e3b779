import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { MemoryNetwork } from '../cluster/bus/memory-bus.js';
import { Cluster } from '../cluster/cluster.js';
import { ConnectionRegistry } from '../connections/connection-registry.js';
import { FakeDevice } from '../connections/testing/fake-device.js';
import type { Outcome } from '../wire/outgoing-frame.js';
import { Everybody } from './everybody.js';
import { Fanout, ROOM_WAITING_MAX } from './fanout.js';
import { Memberships } from './memberships.js';

Logger.overrideLogger(false);

const LARGE = 65;
const data = Buffer.from('"sale"');

class Node {
  readonly connections = new ConnectionRegistry();
  readonly fanout: Fanout;
  readonly everybody: Everybody;

  constructor(cluster: Cluster) {
    const config = { ROOM_ACCESS: 'open', ROOMS_PER_CONNECTION: 1, ROOMS_MEMBERSHIPS_MAX: 1 } as const;
    this.fanout = new Fanout(new Memberships(this.connections, cluster, config));
    this.everybody = new Everybody(this.connections, this.fanout, cluster);
    this.everybody.onModuleInit();
  }

  crowd(count: number): FakeDevice[] {
    const devices = Array.from({ length: count }, (_, index) => new FakeDevice(`c${index}`, `u${index}`));
    for (const device of devices) this.connections.add(device);
    return devices;
  }

  post(): Outcome[] {
    const outcomes: Outcome[] = [];
    expect(this.everybody.post({ from: null, data }, (outcome) => outcomes.push(outcome))).toBeNull();
    return outcomes;
  }
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await nextTurn();
}

describe('a message to everybody', () => {
  let a: Node;
  let b: Node;

  beforeEach(async () => {
    const network = new MemoryNetwork();
    const buses = ['a', 'b'].map((name) => network.node(name));
    for (const bus of buses) await bus.start();
    [a, b] = buses.map((bus) => new Node(new Cluster(bus))) as [Node, Node];
  });

  afterEach(() => {
    for (const { fanout } of [a, b]) fanout.onApplicationShutdown();
  });

  it('reaches every connection of all nodes, each in its own format, and counts them', async () => {
    const [first, bare] = a.crowd(2) as [FakeDevice, FakeDevice];
    bare.isEnveloped = false;
    const others = b.crowd(LARGE);
    const outcomes = a.post();
    await settled();
    expect(outcomes).toEqual([{ delivered: LARGE + 2, complete: true }]);
    const frame = '{"event":"message","data":{"broadcast":true,"from":null,"data":"sale"}}';
    expect([first.frames, bare.frames]).toEqual([[frame], ['sale']]);
    expect(others.every(({ frames }) => frames.length === 1 && frames[0] === frame)).toBe(true);
    expect(b.everybody.statistics).toMatchObject({ received: 1, deliveries: LARGE });
  });

  it('does not reach connections that have gone, or come later', async () => {
    const [gone] = b.crowd(LARGE) as [FakeDevice];
    a.post();
    b.connections.remove(gone);
    await settled();
    const [later] = b.crowd(1) as [FakeDevice];
    await settled();
    expect([gone.frames, later.frames]).toEqual([[], []]);
  });

  it('is refused when half of what may wait here waits', () => {
    a.crowd(LARGE);
    for (let count = 0; count < ROOM_WAITING_MAX.messages / 2; count++) a.post();
    expect(a.everybody.post({ from: null, data }, null)).toBe('congested');
  });

  it('of another node is dropped, counted and not answered when too much waits', async () => {
    const [device] = b.crowd(LARGE) as [FakeDevice];
    const posts = Array.from({ length: ROOM_WAITING_MAX.messages + 10 }, () => a.post());
    await settled();
    expect(b.everybody.statistics.dropped).toBe(10);
    expect(device.frames).toHaveLength(ROOM_WAITING_MAX.messages);
    expect(posts.slice(-10).every((outcomes) => outcomes.length === 0)).toBe(true);
  });

  it('is refused when it is larger than nodes carry', () => {
    expect(a.everybody.post({ from: null, data: Buffer.alloc(1_048_577, '1') }, null)).toBe('too_large');
    expect(a.everybody.statistics.refused.too_large).toBe(1);
  });
});
