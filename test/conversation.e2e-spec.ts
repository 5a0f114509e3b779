import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { carrier } from './support/carrier.js';
import { clusterEnvironment } from './support/environment.js';
import { TestClient, V1 } from '../src/testing/test-client.js';
import { TestNode } from './support/node.js';

const BUSES = carrier.bus === 'udp' ? ['plain', 'udp'] : [carrier.bus];

describe.each(BUSES)('two nodes of one cluster (CLUSTER_BUS=%s)', (bus) => {
  let a: TestNode;
  let b: TestNode;

  beforeAll(async () => {
    const env = clusterEnvironment({ CLUSTER_BUS: bus });
    [a, b] = await Promise.all([TestNode.start(env), TestNode.start(env)]);
  });

  afterAll(async () => {
    await Promise.all([a.stop(), b.stop()]);
  });

  it("hold the original's conversation", async () => {
    const one = await TestClient.connect(a.url('user_id=1'));
    const two = await TestClient.connect(b.url('user_id=2'));
    one.send('{"user_id":2,"data":"haha"}');
    expect(await two.next()).toBe('haha');
    two.send('{"user_id":1,"data":"hoho"}');
    expect(await one.next()).toBe('hoho');
    await Promise.all([one.close(), two.close()]);
  });

  it('reach every device of a user, on whichever node it is', async () => {
    const sender = await TestClient.connect(a.url('user_id=sender'));
    const devices = await Promise.all(
      [a, a, b, b].map(async (node) => TestClient.ready(node.url('user_id=many'))),
    );
    sender.send({ user_id: 'many', data: { to: 'all' } });
    for (const device of devices) {
      expect(await device.next()).toBe('{"event":"message","data":{"from":"sender","data":{"to":"all"}}}');
    }
    await Promise.all([sender, ...devices].map(async (client) => client.close()));
  });

  it('find a user who disconnected and came back on the other node', async () => {
    const sender = await TestClient.connect(a.url('user_id=sender'));
    const before = await TestClient.connect(a.url('user_id=nomad'));
    sender.send({ user_id: 'nomad', data: 'first' });
    expect(await before.next()).toBe('first');
    await before.close();
    const after = await TestClient.connect(b.url('user_id=nomad'));
    sender.send({ user_id: 'nomad', data: 'second' });
    expect(await after.next()).toBe('second');
    await Promise.all([sender.close(), after.close()]);
  });

  it('serve hundreds of users at once, each with its own messages', async () => {
    const users = Array.from({ length: 300 }, (_, index) => `u${index}`);
    const clients = await Promise.all(
      users.map(async (user, index) => TestClient.connect((index % 2 === 0 ? a : b).url(`user_id=${user}`))),
    );
    users.forEach((user, index) => {
      const sender = clients[(index + 7) % clients.length] as TestClient;
      sender.send({ user_id: user, data: `for ${user}` });
    });
    for (const [index, client] of clients.entries()) {
      expect(await client.next()).toBe(`for ${users[index]}`);
      expect(client.pending).toEqual([]);
    }
    await Promise.all(clients.map(async (client) => client.close()));
  });

  it('deliver in both formats what was sent, byte for byte', async () => {
    const sender = await TestClient.connect(a.url('user_id=sender'));
    const bare = await TestClient.connect(b.url('user_id=reader'));
    const enveloped = await TestClient.ready(b.url('user_id=reader'), [V1]);
    const cases: [json: string, bare: string][] = [
      ['"haha"', 'haha'],
      ['"a \\"quoted\\" \\u00e9\\n"', 'a "quoted" é\n'],
      ['"смайл 😀"', 'смайл 😀'],
      ['{"b":1, "a":[1.50,true , null]}', '{"b":1, "a":[1.50,true , null]}'],
      ['1.0', '1.0'],
      ['12345678901234567890', '12345678901234567890'],
      ['null', 'null'],
      ['""', ''],
    ];
    for (const [json, text] of cases) {
      sender.send(`{"user_id":"reader","data":${json}}`);
      expect(await bare.next()).toBe(text);
      expect(await enveloped.next()).toBe(`{"event":"message","data":{"from":"sender","data":${json}}}`);
    }
    await Promise.all([sender.close(), bare.close(), enveloped.close()]);
  });

  it("count the sender's own connection among the user's devices", async () => {
    const self = await TestClient.ready(a.url('user_id=self'));
    self.send({ user_id: 'self', data: 'note', id: 1 });
    expect(await self.nextJson()).toEqual({ event: 'message', data: { from: 'self', data: 'note' } });
    expect(await self.nextJson()).toMatchObject({ event: 'ack', id: 1, data: { delivered: 1 } });
    await self.close();
  });
});
