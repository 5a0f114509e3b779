import { beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { MemoryNetwork } from '../cluster/bus/memory-bus.js';
import { Cluster } from '../cluster/cluster.js';
import { ConnectionRegistry } from '../connections/connection-registry.js';
import { FakeDevice } from '../connections/testing/fake-device.js';
import { UserEvents } from './user-events.js';

Logger.overrideLogger(false);

const CHANNEL = 'lanfare.user-events';

class Node {
  readonly connections = new ConnectionRegistry();
  readonly events: UserEvents;

  constructor(readonly cluster: Cluster) {
    this.events = new UserEvents(this.connections, cluster);
    this.events.onModuleInit();
  }

  device(userId: string): FakeDevice {
    const device = new FakeDevice(`${userId}-${this.connections.size}`, userId);
    this.connections.add(device);
    this.cluster.join({ kind: 'user', name: userId }, () => undefined);
    return device;
  }
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await nextTurn();
}

describe('UserEvents', () => {
  let network: MemoryNetwork;
  let a: Node;
  let b: Node;

  beforeEach(async () => {
    network = new MemoryNetwork(10_000);
    const clusters = ['a', 'b'].map((name) => new Cluster(network.node(name)));
    [a, b] = clusters.map((cluster) => new Node(cluster)) as [Node, Node];
    for (const cluster of clusters) await cluster.onApplicationBootstrap();
  });

  it('reach the devices of a user here and there, and nobody else', async () => {
    const [here, there, other] = [a.device('ann'), b.device('ann'), b.device('bob')];
    expect(a.events.send('ann', 'typing', { user: 'bob' })).toBe(true);
    expect(a.events.send('ann', 'stopped')).toBe(true);
    await settled();
    for (const device of [here, there]) {
      expect(device.frames).toEqual(['{"event":"typing","data":{"user":"bob"}}', '{"event":"stopped"}']);
    }
    expect(other.frames).toEqual([]);
  });

  it('say when a node that holds the user does not get it', () => {
    b.device('ann');
    expect(a.events.send('ann', 'large', 'x'.repeat(20_000))).toBe(false);
  });

  it.each([
    ['', 'typing', null, { code: 'bad_user_id' }],
    ['ann', 'message', null, TypeError],
    ['ann', '', null, TypeError],
    ['ann', 'x'.repeat(256), null, TypeError],
    ['ann', 'typing', () => undefined, TypeError],
    ['ann', 'typing', 'x'.repeat(1_048_576), { code: 'too_large' }],
  ])('are refused to %j with the event %j', (user, event, data, error) => {
    const send = (): boolean => a.events.send(user, event, data);
    if (typeof error === 'function') expect(send).toThrow(error);
    else expect(send).toThrow(expect.objectContaining(error));
  });

  it('pass over what another node sent that is no event of a module', async () => {
    const device = b.device('ann');
    const channel = a.cluster.channel(CHANNEL);
    for (const data of [null, 'x', { to: 'ann' }, { to: 'ann', event: 'message' }]) channel.publish(data);
    await settled();
    expect(device.frames).toEqual([]);
  });
});
