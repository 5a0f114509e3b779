import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Global, Module, type DynamicModule } from '@nestjs/common';
import { Bus } from 'lanfare';
import { MemoryNetwork, TestClient, TestNode } from 'lanfare/testing';
import { OnlineModule } from './online.module.js';

/** Two nodes of one cluster within this process, without a network. */
@Global()
@Module({})
class BusModule {
  static over(bus: Bus): DynamicModule {
    return { module: BusModule, providers: [{ provide: Bus, useValue: bus }], exports: [Bus] };
  }
}

describe('who is online', () => {
  let nodes: TestNode[];
  let ann: TestClient;
  const network = new MemoryNetwork();

  beforeAll(async () => {
    const start = async (name: string) =>
      TestNode.start({
        imports: [OnlineModule, BusModule.over(network.node(name))],
        env: { CLUSTER_BUS: 'custom' },
      });
    nodes = [await start('a'), await start('b')];
    ann = await TestClient.ready((nodes[0] as TestNode).url('user_id=ann'));
  });

  afterAll(async () => {
    await ann.close();
    for (const node of nodes) await node.stop();
  });

  const online = async (...userIds: string[]) =>
    (await ann.ask({ event: 'who is online', data: userIds }))['data'];

  it('is known on every node', async () => {
    const bob = await TestClient.ready((nodes[1] as TestNode).url('user_id=bob'));
    expect(await online('ann', 'bob', 'eve')).toEqual({ online: ['ann', 'bob'], complete: true });
    await bob.close();
  });

  it('is not asked of too many at once', async () => {
    const many = Array.from({ length: 101 }, (_, index) => String(index));
    expect(await online(...many)).toMatchObject({ code: 'rejected' });
  });
});
