import { describe, expect, it } from '@jest/globals';
import { Global, Module, type DynamicModule } from '@nestjs/common';
import { Cluster } from '../src/cluster/cluster.js';
import { Bus } from '../src/index.js';
import { MemoryNetwork } from '../src/testing/index.js';
import { TestClient } from '../src/testing/test-client.js';
import { TestNode } from './support/node.js';

/** A bus of a team's own. */
@Global()
@Module({})
class OwnBusModule {
  static over(bus: Bus): DynamicModule {
    return { module: OwnBusModule, providers: [{ provide: Bus, useValue: bus }], exports: [Bus] };
  }
}

const custom = { CLUSTER_BUS: 'custom' };

describe('a bus of a global module', () => {
  it('carries what the nodes say, and is started and stopped with them', async () => {
    const network = new MemoryNetwork();
    const [a, b] = (await Promise.all(
      ['a', 'b'].map(async (name) =>
        TestNode.start(custom, [OwnBusModule.over(network.node(name))], false, { operations: true }),
      ),
    )) as [TestNode, TestNode];
    expect(network.nodes).toHaveLength(2);
    expect(a.app.get(Cluster).nodeId).toBe('a');
    const [one, two] = await Promise.all([
      TestClient.ready(a.url('user_id=1')),
      TestClient.ready(b.url('user_id=2')),
    ]);
    expect(await one.ask({ user_id: 2, data: 'haha' })).toMatchObject({
      event: 'ack',
      data: { delivered: 1, complete: true },
    });
    expect(await two.nextJson()).toEqual({ event: 'message', data: { from: '1', data: 'haha' } });
    const metrics = await (await fetch(`${a.operationsUrl}/metrics`)).text();
    expect(metrics).toMatch(/^lanfare_node_info\{node_id="a",.*bus="custom"\} 1$/m);
    expect((await fetch(`${a.operationsUrl}/readyz`)).status).toBe(200);
    await Promise.all([a.stop(), b.stop()]);
    expect(network.nodes).toEqual([]);
  });

  it('must be there when CLUSTER_BUS=custom', async () => {
    await expect(TestNode.start(custom)).rejects.toThrow(
      'CLUSTER_BUS: custom needs a global module of your own that exports a Bus',
    );
  });

  it('is not ignored silently when CLUSTER_BUS names another bus', async () => {
    const own = OwnBusModule.over(new MemoryNetwork().node('a'));
    await expect(TestNode.start({ CLUSTER_BUS: 'none' }, [own])).rejects.toThrow(
      'CLUSTER_BUS: must be custom: a module provides MemoryBus',
    );
  });
});
