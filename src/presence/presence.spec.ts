import { beforeEach, describe, expect, it } from '@jest/globals';
import { NoneBus } from '../cluster/bus/none-bus.js';
import { MemoryNetwork } from '../cluster/bus/memory-bus.js';
import { Cluster } from '../cluster/cluster.js';
import { ConnectionRegistry } from '../connections/connection-registry.js';
import { FakeDevice } from '../connections/testing/fake-device.js';
import { Messaging } from '../messaging/messaging.js';
import { Presence } from './presence.js';

class Node {
  readonly connections = new ConnectionRegistry();
  readonly messaging: Messaging;
  readonly presence: Presence;

  constructor(readonly cluster: Cluster) {
    this.messaging = new Messaging(this.connections, cluster);
    this.presence = new Presence(this.connections, cluster);
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
