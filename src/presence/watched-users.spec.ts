import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { MemoryNetwork, type MemoryBus } from '../cluster/bus/memory-bus.js';
import { Cluster } from '../cluster/cluster.js';
import { ConnectionRegistry } from '../connections/connection-registry.js';
import { FakeDevice } from '../connections/testing/fake-device.js';
import { Messaging } from '../messaging/messaging.js';
import { WatchedUsers } from './watched-users.js';

const GRACE_MS = 10_000;

class Node {
  readonly connections = new ConnectionRegistry();
  readonly cluster: Cluster;
  readonly messaging: Messaging;
  readonly users: WatchedUsers;

  constructor(bus: MemoryBus) {
    this.cluster = new Cluster(bus);
    this.messaging = new Messaging(this.connections, this.cluster);
    this.users = new WatchedUsers(this.connections, this.cluster, {
      WATCHED_USERS_PER_CONNECTION: 256,
      PRESENCE_GRACE_MS: GRACE_MS,
      PRESENCE_MEMBERS_MAX: 1000,
    });
    this.users.onModuleInit();
  }

  connect(userId: string): () => void {
    const device = new FakeDevice(`${userId} ${Math.random()}`, userId);
    this.messaging.join(device, () => undefined);
    return () => this.messaging.leave(device);
  }
}

describe('a watched user', () => {
  let network: MemoryNetwork;
  let buses: MemoryBus[];
  let a: Node;
  let b: Node;
  let c: Node;
  let told: string[];
  const watcher = {
    userChanged: (userId: string, isOnline: boolean) => told.push(`${userId} ${isOnline ? 'on' : 'off'}`),
  };

  beforeEach(async () => {
    jest.useFakeTimers();
    network = new MemoryNetwork();
    buses = ['a', 'b', 'c'].map((name) => network.node(name));
    for (const bus of buses) await bus.start();
    [a, b, c] = buses.map((bus) => new Node(bus)) as [Node, Node, Node];
    told = [];
  });

  afterEach(() => {
    for (const { users } of [a, b, c]) users.onApplicationShutdown();
    jest.useRealTimers();
  });

  it('is told at once when coming, on this node or another, and only the first time', () => {
    expect(a.users.add('ann', watcher)).toBe(false);
    expect(a.users.add('bob', watcher)).toBe(false);
    a.connect('ann');
    a.connect('ann');
    b.connect('ann');
    b.connect('bob');
    c.connect('bob');
    jest.advanceTimersByTime(1);
    expect(told).toEqual(['ann on', 'bob on']);
  });

  it('is told to be offline when the grace is over, and no sooner', () => {
    const leave = b.connect('ann');
    jest.advanceTimersByTime(1);
    expect(a.users.add('ann', watcher)).toBe(true);
    leave();
    jest.advanceTimersByTime(GRACE_MS - 1);
    expect(told).toEqual([]);
    jest.advanceTimersByTime(1000);
    expect(told).toEqual(['ann off']);
  });

  it('is not told to be gone when the user is back within the grace, on any node', () => {
    a.users.add('ann', watcher);
    let leave = b.connect('ann');
    jest.advanceTimersByTime(1);
    for (const node of [c, a, b, a, a]) {
      leave();
      jest.advanceTimersByTime(GRACE_MS - 10);
      leave = node.connect('ann');
      jest.advanceTimersByTime(10);
    }
    jest.advanceTimersByTime(3 * GRACE_MS);
    expect(told).toEqual(['ann on']);
    leave();
    jest.advanceTimersByTime(GRACE_MS + 1000);
    expect(told).toEqual(['ann on', 'ann off']);
  });

  it('has the grace from the moment when the node is found dead', () => {
    b.connect('ann');
    jest.advanceTimersByTime(1);
    a.users.add('ann', watcher);
    network.cut(buses[1] as MemoryBus);
    jest.advanceTimersByTime(GRACE_MS - 1);
    expect(told).toEqual([]);
    jest.advanceTimersByTime(1000);
    expect(told).toEqual(['ann off']);
  });

  it('has a grace of its own, whoever else leaves before and after', () => {
    const leaves = ['ann', 'bob', 'cem'].map((name) => {
      a.users.add(name, watcher);
      return a.connect(name);
    });
    for (const leave of leaves) {
      leave();
      jest.advanceTimersByTime(1000);
    }
    a.connect('bob');
    told.length = 0;
    jest.advanceTimersByTime(GRACE_MS - 3000);
    expect(told).toEqual(['ann off']);
    jest.advanceTimersByTime(2000);
    expect(told).toEqual(['ann off', 'cem off']);
  });

  it('is forgotten with the last watcher, and the bus is told so', () => {
    const unwatch = jest.spyOn(a.cluster, 'unwatch');
    const other = { userChanged: () => undefined };
    a.users.add('ann', watcher);
    a.users.add('ann', watcher);
    a.users.add('ann', other);
    a.users.remove('ann', watcher);
    a.users.remove('ann', watcher);
    expect([a.users.size, unwatch.mock.calls.length]).toEqual([1, 0]);
    a.users.remove('ann', other);
    expect([a.users.size, unwatch.mock.calls.length]).toEqual([0, 1]);
    a.connect('ann');
    expect(told).toEqual([]);
  });

  it('holds up nothing when many go at once', () => {
    const leaves = Array.from({ length: 5000 }, (_, index) => {
      a.users.add(`u${index}`, watcher);
      return a.connect(`u${index}`);
    });
    for (const leave of leaves) leave();
    told.length = 0;
    jest.advanceTimersByTime(GRACE_MS + 1000);
    expect(new Set(told).size).toBe(5000);
    expect(a.users.changes).toEqual({ online: 5000, offline: 5000 });
  });
});
