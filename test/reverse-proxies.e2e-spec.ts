import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setImmediate } from 'node:timers/promises';
import { TestClient, V1 } from '../src/testing/test-client.js';
import { clusterEnvironment } from './support/environment.js';
import { freePort } from './support/free-port.js';
import { seconds, secretKey, sign } from './support/key-server.js';
import { NodeProcess } from './support/node-process.js';
import { ReverseProxy, type Upstreams } from './support/reverse-proxy.js';
import { running } from './support/running.js';

const SECRET = 'a secret of more than thirty-two bytes';
/** An address and node. */
const CONNECTIONS_MAX = 4;
const CLIENT = '127.0.0.2';
/** A proxy in front of the proxy, which nodes trust. */
const CDN = '127.0.0.3';

describe.each(['nginx', 'HAProxy', 'Caddy'] as const)('behind %s, with the file in deploy/', (name) => {
  const isInstalled = ReverseProxy.isInstalled(name);
  if (!isInstalled) process.stderr.write(`Skipping the tests of ${name}: it is not installed\n`);
  const test = isInstalled ? it : it.skip;

  let upstreams: Upstreams;
  let a: NodeProcess;
  let proxy: ReverseProxy;

  beforeAll(async () => {
    if (!isInstalled) return;
    upstreams = { port: await freePort(), opsPort: await freePort() };
    [a] = await startNodes(upstreams);
    proxy = await ReverseProxy.start(name, upstreams);
  }, 60_000);

  afterAll(async () => {
    await Promise.all([...running.values()].map(async (end) => end()));
  });

  const url = () => `wss://127.0.0.1:${proxy.port}/chat`;

  async function connect(user: string, headers = {}, localAddress = CLIENT): Promise<TestClient> {
    const token = await sign(secretKey(SECRET), { sub: user, exp: seconds(60) });
    const options = { ca: proxy.certificate, headers, localAddress };
    return TestClient.connect(url(), [V1, `lanfare.bearer.${token}`], options);
  }

  /** Connects this many clients, each of which claims another address. Returns how many are let in. */
  async function admitted(count: number, localAddress: string): Promise<number> {
    const results = await Promise.allSettled(
      Array.from({ length: count }, async (_, id) =>
        connect(`c${id}`, { 'x-forwarded-for': `192.0.2.${id}` }, localAddress),
      ),
    );
    const open = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    await Promise.all(open.map(async (client) => client.close()));
    return open.length;
  }

  test('clients talk over TLS, on whichever node they were put', async () => {
    const clients = await Promise.all(Array.from({ length: 6 }, async (_, id) => connect(`u${id}`)));
    const readies = await Promise.all(clients.map(async (client) => client.nextJson()));
    const nodes = new Set(readies.map(({ data }) => (data as { node_id: string }).node_id));
    expect(nodes.size).toBe(2);
    for (const [id, client] of clients.entries()) client.send({ user_id: `u${(id + 1) % 6}`, data: id });
    for (const [id, client] of clients.entries()) {
      const data = { from: `u${(id + 5) % 6}`, data: (id + 5) % 6 };
      expect(await client.nextJson()).toMatchObject({ data });
    }
    await Promise.all(clients.map(async (client) => client.close()));
  });

  test('an upgrade without a token is refused by the node, and the answer passed on', async () => {
    const { status, body } = await TestClient.refusal(url(), [V1], { ca: proxy.certificate });
    expect([status, body['code']]).toEqual([401, 'unauthorized']);
  });

  test("a page of the proxy's own origin may connect, another's not", async () => {
    const client = await connect('page', { origin: `https://127.0.0.1:${proxy.port}` });
    await client.close();
    await expect(connect('page', { origin: 'https://evil.example' })).rejects.toThrow('403');
  });

  test('nothing but the public door is there', async () => {
    for (const path of ['/', '/metrics', '/readyz', '/v1/cluster']) expect(await proxy.get(path)).toBe(404);
  });

  test('what a client claims in X-Forwarded-For is not believed', async () => {
    expect(await admitted(6 * CONNECTIONS_MAX, CLIENT)).toBe(2 * CONNECTIONS_MAX);
  });

  test('what a proxy in front of it says in X-Forwarded-For is, where it is trusted', async () => {
    expect(await admitted(6 * CONNECTIONS_MAX, CDN)).toBe(6 * CONNECTIONS_MAX);
  });

  test('a node that drains sends its clients to the other one', async () => {
    const clients = await Promise.all(Array.from({ length: 4 }, async (_, id) => connect(`d${id}`)));
    await Promise.all(clients.map(async (client) => client.nextJson()));
    const closed = Promise.race(clients.map(async (client) => client.closed));
    a.signal('SIGTERM');
    expect((await closed).code).toBe(1012);
    // Caddy passes one 503 on before it knows better, and clients come again
    const again = await (name === 'Caddy' ? reconnect(async () => connect('again')) : connect('again'));
    expect(await again.ask({ event: 'ping' })).toEqual({ event: 'pong', id: 'q' });
    await again.close();
    await a.exited();
  });

  if (name === 'nginx') {
    test('its log has no token in it', async () => {
      const answer = TestClient.connect(`${url()}?token=secret.token.here`, [], { ca: proxy.certificate });
      await expect(answer).rejects.toThrow('401');
      expect(proxy.read('lanfare.log')).toContain('"GET /chat" 401');
      expect(proxy.read('lanfare.log')).not.toContain('secret.token');
    });
  }
});

/** Tries again at once, without the back-off of clients. */
async function reconnect(connect: () => Promise<TestClient>): Promise<TestClient> {
  for (;;) {
    const client = await connect().catch(async () => setImmediate(null));
    if (client !== null) return client;
  }
}

async function startNodes({ port, opsPort }: Upstreams): Promise<[NodeProcess, NodeProcess]> {
  const env = clusterEnvironment({
    AUTH_MODE: 'jwt',
    AUTH_JWT_SECRET: SECRET,
    WS_ALLOWED_ORIGINS: '',
    WS_TRUSTED_PROXIES: `127.0.0.1,${CDN}`,
    WS_MAX_CONNECTIONS_PER_IP: String(CONNECTIONS_MAX),
    WS_PING_INTERVAL_MS: '1000',
    PORT: port,
    OPS_PORT: opsPort,
  });
  return Promise.all([
    NodeProcess.start({ ...env, HOST: '127.0.0.11', OPS_HOST: '127.0.0.11' }),
    NodeProcess.start({ ...env, HOST: '127.0.0.12', OPS_HOST: '127.0.0.12' }),
  ]);
}
