import { beforeEach, describe, expect, it } from '@jest/globals';
import { NoneBus } from '../cluster/bus/none-bus.js';
import { MemoryNetwork } from '../cluster/bus/memory-bus.js';
import { Cluster } from '../cluster/cluster.js';
import { ConnectionRegistry } from '../connections/connection-registry.js';
import { FakeDevice } from '../connections/testing/fake-device.js';
import { Messaging } from '../messaging/messaging.js';
import { Presence, type UserPresenceChange } from './presence.js';
import { WatchedUsers } from './watched-users.js';

class Node {
  readonly connections = new ConnectionRegistry();
  readonly messaging: Messaging;
  readonly presence: Presence;

  constructor(readonly cluster: Cluster) {
    this.messaging = new Messaging(this.connections, cluster);
    const users = new WatchedUsers(this.connections, cluster, {
      WATCHED_USERS_PER_CONNECTION: 256,
      PRESENCE_GRACE_MS: 0,
      PRESENCE_MEMBERS_MAX: 1000,
    });
    users.onModuleInit();
    this.presence = new Presence(this.connections, cluster, users);
  }

  connect(id: string, userId: string): FakeDevice {
    const device = new FakeDevice(id, userId);
    this.messaging.join(device, () => undefined);
    return device;
  }
}

describe('the presence of a user', () => {
  let network: MemoryNetwork;
  let a: Node;
  let b: Node;
  let c: Node;

  beforeEach(async () => {
    network = new MemoryNetwork();
    const buses = ['a', 'b', 'c'].map((name) => network.node(name));
    for (const bus of buses) await bus.start();
    [a, b, c] = buses.map((bus) => new Node(new Cluster(bus))) as [Node, Node, Node];
  });

  it('names all nodes that hold the user, this one first, and the devices here', () => {
    b.connect('1', 'ann');
    b.connect('2', 'ann');
    c.connect('3', 'ann');
    expect(b.presence.ofUser('ann')).toEqual({
      online: true,
      nodeIds: ['b', 'c'],
      devicesHere: 2,
      complete: true,
    });
    expect(a.presence.ofUser('ann')).toEqual({
      online: true,
      nodeIds: ['b', 'c'],
      devicesHere: 0,
      complete: true,
    });
  });

  it('ends with the last device', () => {
    const [first, second] = [b.connect('1', 'ann'), b.connect('2', 'ann')];
    b.messaging.leave(first);
    expect(a.presence.ofUser('ann').online).toBe(true);
    b.messaging.leave(second);
    const nowhere = { online: false, nodeIds: [], devicesHere: 0, complete: true };
    expect([a.presence.ofUser('ann'), b.presence.ofUser('ann')]).toEqual([nowhere, nowhere]);
  });

  it('is that of the number and of its text', () => {
    b.connect('1', '7');
    expect(a.presence.ofUser(7)).toEqual(a.presence.ofUser('7'));
    expect(a.presence.ofUser(7).online).toBe(true);
  });

  it.each([undefined, null, '', 1.5, 'é'.repeat(65), '\ud800'])(
    'is not asked of %j, which is no id',
    (id) => {
      expect(() => a.presence.ofUser(id as string)).toThrow(TypeError);
    },
  );

  it('is told to a module that watches, now and at each change', async () => {
    const device = b.connect('1', 'ann');
    b.connect('7', '7');
    const changes: UserPresenceChange[] = [];
    const gone = new Promise<void>((resolve) => {
      const subscription = a.presence.watch(['ann', 7, '7', 'bob']).subscribe((change) => {
        changes.push(change);
        if (changes.length < 5) return;
        subscription.unsubscribe();
        resolve();
      });
    });
    c.connect('2', 'bob');
    b.messaging.leave(device);
    await gone;
    c.connect('3', 'ann');
    await new Promise(setImmediate);
    expect(changes).toEqual([
      { userId: 'ann', online: true },
      { userId: '7', online: true },
      { userId: 'bob', online: false },
      { userId: 'bob', online: true },
      { userId: 'ann', online: false },
    ]);
    expect(() => a.presence.watch(['ok', ''])).toThrow(TypeError);
  });

  it('is complete on a single node', () => {
    const single = new Node(new Cluster(new NoneBus('only')));
    single.connect('1', 'ann');
    expect(single.presence.ofUser('ann')).toEqual({
      online: true,
      nodeIds: ['only'],
      devicesHere: 1,
      complete: true,
    });
    expect(single.presence.ofUser('bob')).toMatchObject({ online: false, complete: true });
  });
});
