import { afterEach, describe, expect, it } from '@jest/globals';
import { randomBytes, randomInt } from 'node:crypto';
import { firstValueFrom, take, toArray } from 'rxjs';
import { Cluster } from '../src/cluster/cluster.js';
import type { Environment } from '../src/config/variables.js';
import { TestClient } from '../src/testing/test-client.js';
import { carrier } from './support/carrier.js';
import { itOverUdp } from './support/over-udp.js';
import { clusterEnvironment } from './support/environment.js';
import { TestNode } from './support/node.js';

const nodes: TestNode[] = [];

afterEach(async () => {
  await Promise.all(nodes.splice(0).map(async (node) => node.stop()));
});

async function start(...environments: Environment[]): Promise<TestNode[]> {
  const started = await Promise.all(environments.map(async (env) => TestNode.start(env)));
  nodes.push(...started);
  return started;
}

const clusterOf = (node: TestNode): Cluster => node.app.get(Cluster);

/** Three nodes that share a port. */
function sharedEnvironments(mode: string): Environment[] {
  const env = clusterEnvironment({ CLUSTER_BUS: 'udp', UDP_MODE: mode });
  // Multicast must not leave this machine.
  const loopback = mode === 'multicast' ? { UDP_INTERFACE: '127.0.0.1' } : {};
  return [0, 1, 2].map((index) => ({ ...env, ...loopback, NODE_NAME: `n${index}` }));
}

/** Three nodes in mesh mode, each with a port of its own on this machine. */
function meshEnvironments(): Environment[] {
  const env = clusterEnvironment({ CLUSTER_BUS: 'udp', UDP_MODE: 'mesh', UDP_INTERFACE: '127.0.0.1' });
  const first = randomInt(10_000, 32_000);
  return [0, 1, 2].map((index) => ({
    ...env,
    NODE_NAME: `n${index}`,
    UDP_PORT: String(first + index),
    // Only the first is known to all: the others are learnt from it. Its own address is no peer.
    UDP_PEERS: index === 0 ? `127.0.0.1:${first + 1}` : `127.0.0.1:${first}`,
  }));
}

/** Three nodes that a broker joins. */
function brokeredEnvironments(): Environment[] {
  const env = clusterEnvironment();
  return [0, 1, 2].map((index) => ({ ...env, NODE_NAME: `n${index}` }));
}

const MODES: readonly (readonly [string, () => Environment[]])[] =
  carrier.name === 'UDP'
    ? [
        ['in broadcast mode', () => sharedEnvironments('broadcast')],
        ['in multicast mode', () => sharedEnvironments('multicast')],
        ['in mesh mode', meshEnvironments],
      ]
    : [[`over ${carrier.name}`, brokeredEnvironments]];

describe.each(MODES)('a cluster of three %s', (_mode, environments) => {
  it('delivers to every device with a receipt that counts them, and carries channels and questions', async () => {
    const [a, b, c] = (await start(...environments())) as [TestNode, TestNode, TestNode];
    for (const node of [a, b, c]) {
      expect(clusterOf(node).health()).toEqual({ ready: true, problems: [] });
      expect(clusterOf(node).peers()).toHaveLength(2);
    }
    const sender = await TestClient.ready(a.url('user_id=sender'));
    const devices = await Promise.all(
      [a, b, b, c].map(async (node) => TestClient.ready(node.url('user_id=many'))),
    );
    expect(await sender.ask({ user_id: 'many', data: 1 })).toMatchObject({
      event: 'ack',
      data: { delivered: 4, complete: true },
    });
    expect(await sender.ask({ user_id: 'nobody', data: 1 })).toMatchObject({
      event: 'ack',
      data: { delivered: 0, complete: true },
    });
    for (const device of devices)
      expect(await device.nextJson()).toMatchObject({ data: { from: 'sender', data: 1 } });

    const large = 'x'.repeat(60_000);
    expect(await sender.ask({ user_id: 'many', data: large })).toMatchObject({ data: { delivered: 4 } });
    for (const device of devices) expect(await device.nextJson()).toMatchObject({ data: { data: large } });

    const audit = firstValueFrom(clusterOf(c).channel<number>('audit').messages$.pipe(take(100), toArray()));
    for (let index = 0; index < 100; index += 1)
      expect(clusterOf(a).channel('audit').publish(index)).toBe(true);
    expect((await audit).map(({ data }) => data)).toEqual(Array.from({ length: 100 }, (_, index) => index));

    clusterOf(b).respond('double', async (body) => (body as number) * 2);
    const { answers, missing } = await clusterOf(a).ask('double', 21, 300);
    expect(answers).toEqual([{ nodeId: clusterOf(b).nodeId, data: 42 }]);
    // The third has no responder for it: the result is partial, and says whose part is missing.
    expect(missing).toEqual([clusterOf(c).nodeId]);
    for (const client of [sender, ...devices]) client.socket.terminate();
  });
});

describe('a node that is cut off from the start', () => {
  itOverUdp(
    'a broker has no list of peers',
    'is not ready while none of its configured peers answers, and says why',
    async () => {
      const env = clusterEnvironment({ CLUSTER_BUS: 'udp', UDP_MODE: 'mesh', UDP_INTERFACE: '127.0.0.1' });
      const [node] = (await start({ ...env, UDP_PEERS: `127.0.0.1:${randomInt(33_000, 60_000)}` })) as [
        TestNode,
      ];
      const { ready, problems } = clusterOf(node).health();
      expect(ready).toBe(false);
      expect(problems.join()).toMatch(/UDP_PEERS.*CLUSTER_SECRET/);
    },
  );

  it('does not meet nodes of another name or secret on the same port, or at the same broker', async () => {
    const env = clusterEnvironment();
    const started = await start(
      env,
      { ...env, CLUSTER_NAME: 'another' },
      { ...env, CLUSTER_SECRET: randomBytes(32).toString('hex') },
    );
    for (const node of started) {
      expect(clusterOf(node).health().ready).toBe(true);
      expect(clusterOf(node).peers()).toEqual([]);
    }
  });
});
