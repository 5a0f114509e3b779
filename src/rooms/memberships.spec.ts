import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Address } from '../cluster/bus/bus.js';
import { MemoryNetwork, type MemoryBus } from '../cluster/bus/memory-bus.js';
import { Cluster } from '../cluster/cluster.js';
import { ConnectionRegistry } from '../connections/connection-registry.js';
import { FakeDevice } from '../connections/testing/fake-device.js';
import { Memberships, type RoomChange } from './memberships.js';

describe('memberships', () => {
  let connections: ConnectionRegistry;
  let memberships: Memberships;
  let other: MemoryBus;
  let changes: RoomChange[];

  const room = (name: string): Address => ({ kind: 'room', name });
  const connected = (id: string): FakeDevice => {
    const device = new FakeDevice(id, 'u');
    connections.add(device);
    return device;
  };
  const join = (device: FakeDevice, name: string) => {
    const reached: boolean[] = [];
    return { refusal: memberships.join(device, name, (complete) => reached.push(complete)), reached };
  };
  /** Whether other nodes route messages for the room to this node. */
  const isHeld = (name: string): boolean => other.holders(room(name)).nodeIds.includes('n');

  beforeEach(async () => {
    const network = new MemoryNetwork();
    const bus = network.node('n');
    other = network.node('other');
    for (const node of [bus, other]) await node.start();
    connections = new ConnectionRegistry();
    const config = { ROOM_ACCESS: 'open', ROOMS_PER_CONNECTION: 2, ROOMS_MEMBERSHIPS_MAX: 3 } as const;
    memberships = new Memberships(connections, new Cluster(bus), config);
    memberships.onModuleInit();
    changes = [];
    memberships.changes$.subscribe((change) => changes.push(change));
  });

  it('are told to the cluster from the first member to the last', () => {
    const [a, b] = [connected('a'), connected('b')];
    expect(join(a, 'hall')).toEqual({ refusal: null, reached: [true] });
    expect(join(b, 'hall')).toEqual({ refusal: null, reached: [true] });
    expect([isHeld('hall'), memberships.size, memberships.rooms]).toEqual([true, 2, 1]);
    expect(memberships.leave(a, 'hall')).toBe(true);
    expect(memberships.leave(a, 'hall')).toBe(false);
    expect(isHeld('hall')).toBe(true);
    memberships.leave(b, 'hall');
    expect([isHeld('hall'), memberships.size, memberships.rooms]).toEqual([false, 0, 0]);
    expect(changes).toEqual([
      { change: 'occupied', room: 'hall' },
      { change: 'vacated', room: 'hall' },
    ]);
  });

  it('are one membership when a connection joins again, which is told again whether all nodes can reach it', () => {
    const a = connected('a');
    join(a, 'hall');
    expect(join(a, 'hall')).toEqual({ refusal: null, reached: [true] });
    expect(memberships.size).toBe(1);
    memberships.leave(a, 'hall');
    expect(isHeld('hall')).toBe(false);
  });

  it('end with the connection, and none begins after it', () => {
    const a = connected('a');
    for (const name of ['one', 'two']) join(a, name);
    connections.remove(a);
    expect([memberships.size, memberships.rooms, isHeld('one'), isHeld('two')]).toEqual([0, 0, false, false]);
    expect(join(a, 'one')).toEqual({ refusal: null, reached: [] });
    expect([memberships.size, isHeld('one')]).toEqual([0, false]);
  });

  it('are limited, for each connection and for the node', () => {
    const [a, b] = [connected('a'), connected('b')];
    expect(['one', 'two', 'three'].map((name) => join(a, name).refusal)).toEqual([
      null,
      null,
      'limit_exceeded',
    ]);
    expect(['one', 'two'].map((name) => join(b, name).refusal)).toEqual([null, 'limit_exceeded']);
    expect(isHeld('three')).toBe(false);
    memberships.leave(a, 'one');
    expect(join(b, 'two').refusal).toBe(null);
  });
});
