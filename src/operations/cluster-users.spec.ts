import { beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { MemoryNetwork } from '../cluster/bus/memory-bus.js';
import { Cluster } from '../cluster/cluster.js';
import { ConnectionRegistry } from '../connections/connection-registry.js';
import { FakeDevice } from '../connections/testing/fake-device.js';
import { ClusterUsers } from './cluster-users.js';

describe('ClusterUsers', () => {
  let registries: [ConnectionRegistry, ConnectionRegistry];
  let users: ClusterUsers;

  /** `otherAnswers`: false: the other node has no responders; a text: it answers this to every question. */
  async function start({ otherAnswers = true }: { otherAnswers?: boolean | string } = {}): Promise<void> {
    const network = new MemoryNetwork();
    const buses = [network.node('a'), network.node('b')] as const;
    const clusters = [new Cluster(buses[0]), new Cluster(buses[1])] as const;
    registries = [new ConnectionRegistry(), new ConnectionRegistry()];
    users = new ClusterUsers(clusters[0], registries[0]);
    if (otherAnswers === true) void new ClusterUsers(clusters[1], registries[1]);
    if (typeof otherAnswers === 'string') {
      buses[1].questions$.subscribe(({ answer }) => answer(Buffer.from(otherAnswers)));
    }
    await Promise.all(clusters.map(async (cluster) => cluster.onApplicationBootstrap()));
  }

  beforeEach(async () => {
    Logger.overrideLogger(false);
    await start();
  });

  it("finds a user's connections on all nodes, this one's first", async () => {
    registries[1].add(new FakeDevice('c2', 'u'));
    registries[0].add(new FakeDevice('c1', 'u'));
    registries[1].add(new FakeDevice('c3', 'another'));
    expect(await users.connectionsOf('u')).toEqual({
      complete: true,
      connections: [
        { connectionId: 'c1', nodeId: 'a', connectedAt: 1000 },
        { connectionId: 'c2', nodeId: 'b', connectedAt: 1000 },
      ],
    });
  });

  it("closes a user's connections on all nodes, and nobody else's", async () => {
    const connections = [new FakeDevice('c1', 'u'), new FakeDevice('c2', 'u')] as const;
    const bystander = new FakeDevice('c3', 'another');
    registries[0].add(connections[0]);
    registries[1].add(connections[1]);
    registries[1].add(bystander);
    expect(await users.disconnect('u')).toEqual({ closed: 2, complete: true });
    expect(connections.map(({ isClosed }) => isClosed)).toEqual([true, true]);
    expect(bystander.isClosed).toBe(false);
  });

  it('counts connections by node', async () => {
    registries[1].add(new FakeDevice('c1', 'u'));
    registries[1].add(new FakeDevice('c2', 'u'));
    expect(Object.fromEntries(await users.census())).toEqual({
      a: { connections: 0, users: 0 },
      b: { connections: 2, users: 1 },
    });
  });

  it('says that an answer is not complete when a node did not answer', async () => {
    await start({ otherAnswers: false });
    expect((await users.connectionsOf('u')).complete).toBe(false);
  });

  it.each([
    'not JSON',
    '',
    'null',
    '[]',
    '{"connections":7,"closed":"all","users":-1}',
    '{"connections":[{"connection_id":"c","connected_at":1e300}]}',
  ])('takes a node that answers %j as one that did not, and says the rest', async (otherAnswers) => {
    await start({ otherAnswers });
    registries[0].add(new FakeDevice('c1', 'u'));
    expect(await users.connectionsOf('u')).toEqual({
      complete: false,
      connections: [{ connectionId: 'c1', nodeId: 'a', connectedAt: 1000 }],
    });
    expect(await users.disconnect('u')).toEqual({ closed: 1, complete: false });
    expect([...(await users.census()).keys()]).toEqual(['a']);
  });
});
