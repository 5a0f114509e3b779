import { beforeEach, describe, expect, it } from '@jest/globals';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { MemoryNetwork, type MemoryBus } from '../cluster/bus/memory-bus.js';
import { Cluster } from '../cluster/cluster.js';
import { ConnectionRegistry } from '../connections/connection-registry.js';
import { FakeDevice } from '../connections/testing/fake-device.js';
import { ClusterRoomChanges } from './cluster-room-changes.js';
import { Memberships } from './memberships.js';

const config = { ROOM_ACCESS: 'open', ROOMS_PER_CONNECTION: 9, ROOMS_MEMBERSHIPS_MAX: 9 } as const;
const hall = { kind: 'room', name: 'hall' } as const;

class Node {
  readonly device = new FakeDevice('c', 'u');
  readonly memberships: Memberships;
  readonly told: string[] = [];

  constructor(
    readonly bus: MemoryBus,
    cluster = new Cluster(bus),
  ) {
    const connections = new ConnectionRegistry();
    this.memberships = new Memberships(connections, cluster, config);
    const changes = new ClusterRoomChanges(this.memberships, cluster);
    changes.onModuleInit();
    void cluster.onApplicationBootstrap();
    changes.changes$.subscribe(({ change }) => this.told.push(change));
    connections.add(this.device);
  }

  join(): void {
    this.memberships.join(this.device, 'hall', () => undefined);
  }

  leave(): void {
    this.memberships.leave(this.device, 'hall');
  }
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await nextTurn();
}

describe('changes of a room in the cluster', () => {
  let a: Node;
  let b: Node;

  beforeEach(async () => {
    const network = new MemoryNetwork();
    [a, b] = ['a', 'b'].map((name) => new Node(network.node(name))) as [Node, Node];
    await settled();
  });

  const told = async (): Promise<[string[], string[]]> => {
    await settled();
    return [a.told.splice(0), b.told.splice(0)];
  };

  it('are told by the node whose member made them, and not where others have members', async () => {
    a.join();
    expect(await told()).toEqual([['occupied'], []]);
    b.join();
    expect(await told()).toEqual([[], []]);
    a.leave();
    expect(await told()).toEqual([[], []]);
    b.leave();
    expect(await told()).toEqual([[], ['vacated']]);
  });

  it('are told although a node without members still holds the room', async () => {
    b.bus.join(hall, () => undefined);
    a.join();
    expect(await told()).toEqual([['occupied'], []]);
    a.leave();
    expect(await told()).toEqual([['vacated'], []]);
  });

  it('are told by one at least, if two join at once where both hold the room already', async () => {
    for (const { bus } of [a, b]) bus.join(hall, () => undefined);
    a.join();
    b.join();
    expect((await told()).flat()).toContain('occupied');
  });

  it('are told by one at least, if the last two leave at once', async () => {
    a.join();
    b.join();
    await told();
    a.leave();
    b.leave();
    expect((await told()).flat()).toContain('vacated');
  });

  it('are not told of a room that has a member again before the others have answered', async () => {
    b.bus.join(hall, () => undefined);
    a.join();
    await told();
    a.leave();
    a.join();
    const [byA] = await told();
    expect(byA.at(-1)).toBe('occupied');
  });
});
