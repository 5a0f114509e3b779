import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { MemoryNetwork } from '../cluster/bus/memory-bus.js';
import { Cluster } from '../cluster/cluster.js';
import { ConnectionRegistry } from '../connections/connection-registry.js';
import { FakeDevice } from '../connections/testing/fake-device.js';
import type { RoomMessage } from '../wire/message.js';
import type { Outcome } from '../wire/outgoing-frame.js';
import { Fanout, ROOM_WAITING_MAX } from './fanout.js';
import { Memberships } from './memberships.js';
import { RoomMessaging } from './room-messaging.js';

Logger.overrideLogger(false);

const LARGE = 65;

class Node {
  readonly connections = new ConnectionRegistry();
  readonly memberships: Memberships;
  readonly fanout: Fanout;
  readonly messaging: RoomMessaging;
  readonly devices: FakeDevice[] = [];

  constructor(cluster: Cluster) {
    const config = { ROOM_ACCESS: 'open', ROOMS_PER_CONNECTION: 128, ROOMS_MEMBERSHIPS_MAX: 1000 } as const;
    this.memberships = new Memberships(this.connections, cluster, config);
    this.fanout = new Fanout(this.memberships);
    this.messaging = new RoomMessaging(this.memberships, this.fanout, cluster);
    this.memberships.onModuleInit();
    this.messaging.onModuleInit();
  }

  crowd(count: number): void {
    for (let index = 0; index < count; index++) {
      const device = new FakeDevice(`c${index}`, 'u');
      this.connections.add(device);
      this.devices.push(device);
      this.memberships.join(device, 'hall', () => undefined);
    }
  }

  post(data: string, more: Partial<RoomMessage> = {}): { refusal: string | null; outcomes: Outcome[] } {
    const outcomes: Outcome[] = [];
    const message = { room: 'hall', from: 'u', data: Buffer.from(data), ...more };
    return { refusal: this.messaging.post(message, null, (outcome) => outcomes.push(outcome)), outcomes };
  }
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await nextTurn();
}

describe('messages to a room', () => {
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

  it('are counted on all nodes, also where writing to many members takes turns', async () => {
    a.crowd(1);
    b.crowd(LARGE);
    const { outcomes } = a.post('1');
    await settled();
    expect(outcomes).toEqual([{ delivered: LARGE + 1, complete: true }]);
    expect(b.messaging.statistics).toMatchObject({ received: 1, deliveries: LARGE, dropped: 0 });
    expect(b.fanout.waitingBytes).toBe(0);
  });

  it('are delivered once when they are sent again, and the count is the same', async () => {
    b.crowd(LARGE);
    const both = [a.post('1', { messageId: 'm' }), a.post('1', { messageId: 'm' })];
    await settled();
    expect(both.map(({ outcomes }) => outcomes)).toEqual([
      [{ delivered: LARGE, complete: true }],
      [{ delivered: LARGE, complete: true }],
    ]);
    expect(b.devices.every(({ frames }) => frames.length === 1)).toBe(true);
    expect(b.messaging.remembered).toBe(1);
  });

  it('are refused here, and nobody gets them, when half of the limit of waiting messages is reached', async () => {
    a.crowd(LARGE);
    b.crowd(1);
    let taken = 0;
    while (a.post(String(taken)).refusal === null) taken++;
    expect(taken).toBe(ROOM_WAITING_MAX.messages / 2);
    expect(a.post('refused').refusal).toBe('congested');
    await settled();
    for (const { frames } of [...a.devices, ...b.devices]) expect(frames).toHaveLength(taken);
    expect(a.post('again').refusal).toBe(null);
  });

  it('that are volatile are answered with the count here, dropped first, counted, and never refused', async () => {
    a.crowd(LARGE);
    b.crowd(LARGE);
    const first = a.post('1', { isVolatile: true });
    await settled();
    expect(first.outcomes).toEqual([{ delivered: LARGE, complete: false }]);
    for (let count = 0; count < ROOM_WAITING_MAX.messages / 2; count++) a.post('certain');
    const second = a.post('2', { isVolatile: true });
    expect(second).toEqual({ refusal: null, outcomes: [{ delivered: 0, complete: false }] });
    await settled();
    for (const node of [a, b]) {
      expect(node.messaging.statistics.volatileDropped).toBe(1);
      expect(node.devices[0]?.frames).toHaveLength(1 + ROOM_WAITING_MAX.messages / 2);
    }
  });

  it('of another node are dropped, counted and not answered when too much waits', async () => {
    b.crowd(LARGE);
    const posts = Array.from({ length: ROOM_WAITING_MAX.messages + 10 }, (_, number) =>
      a.post(String(number)),
    );
    expect(posts.every(({ refusal }) => refusal === null)).toBe(true);
    await settled();
    expect(b.messaging.statistics.dropped).toBe(10);
    expect(b.devices[0]?.frames).toHaveLength(ROOM_WAITING_MAX.messages);
    expect(posts.slice(-10).every(({ outcomes }) => outcomes.length === 0)).toBe(true);
  });
});
