import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { TestClient, V1 } from './support/client.js';
import { clusterEnvironment } from './support/environment.js';
import { seconds, secretKey, sign } from './support/key-server.js';
import { NodeProcess } from './support/node-process.js';

const NGINX = '/usr/sbin/nginx';
const SECRET = 'a secret of more than thirty-two bytes';
const isInstalled = existsSync(NGINX);
if (!isInstalled) process.stderr.write(`Skipping the nginx tests: there is no ${NGINX}\n`);
const test = isInstalled ? it : it.skip;

let a: NodeProcess;
let b: NodeProcess;
let nginx: ChildProcess;
let directory: string;
let certificate: Buffer;
let port: number;

beforeAll(async () => {
  if (!isInstalled) return;
  const env = clusterEnvironment({
    AUTH_MODE: 'jwt',
    AUTH_JWT_SECRET: SECRET,
    WS_ALLOWED_ORIGINS: '',
    WS_TRUSTED_PROXIES: '127.0.0.1',
    WS_MAX_CONNECTIONS_PER_IP: '8',
    WS_PING_INTERVAL_MS: '1000',
  });
  [a, b, port] = await Promise.all([NodeProcess.start(env), NodeProcess.start(env), freePort()]);
  directory = mkdtempSync(join(tmpdir(), 'lanfare-nginx-'));
  makeCertificate();
  writeFileSync(join(directory, 'nginx.conf'), configuration());
  nginx = spawn(NGINX, ['-p', directory, '-c', 'nginx.conf', '-e', 'error.log'], {
    cwd: directory,
    stdio: 'ignore',
  });
  for (let isUp = false; !isUp; await setImmediate()) {
    if (nginx.exitCode !== null) throw new Error(readFileSync(join(directory, 'error.log'), 'utf8'));
    isUp = await get('/')
      .then(() => true)
      .catch(() => false);
  }
}, 60_000);

afterAll(async () => {
  if (!isInstalled) return;
  nginx.kill('SIGTERM');
  await once(nginx, 'exit');
  await Promise.all([a.stop(), b.stop()]);
  rmSync(directory, { recursive: true });
});

/** The document's configuration, with the test's ports and files in place of its own. */
function configuration(): string {
  const document = readFileSync('docs/reverse-proxies.md', 'utf8');
  const [, text = ''] = /```nginx\n(.*?)```/s.exec(document) ?? [];
  const changed = text
    .replace('127.0.0.1:8866', `127.0.0.1:${a.port}`)
    .replace('127.0.0.1:8867', `127.0.0.1:${b.port}`)
    .replace('listen 443 ssl', `listen 127.0.0.1:${port} ssl`)
    .replace('worker_rlimit_nofile 200000;', '')
    .replace('worker_connections 100000', 'worker_connections 500')
    .replace('worker_processes auto', 'worker_processes 1');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${directory}/${name};`,
  );
  const own = `daemon off;\nmaster_process off;\npid ${directory}/nginx.pid;\n`;
  return own + changed.replace('http {', `http {\n${temporary.join('\n')}`);
}

function makeCertificate(): void {
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '2',
      '-subj',
      '/CN=chat.example',
      '-addext',
      'subjectAltName=DNS:chat.example,IP:127.0.0.1',
      '-keyout',
      'chat.key',
      '-out',
      'chat.crt',
    ],
    { cwd: directory, stdio: 'ignore' },
  );
  certificate = readFileSync(join(directory, 'chat.crt'));
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port: free } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return free;
}

const url = () => `wss://127.0.0.1:${port}/chat`;

async function get(path: string): Promise<void> {
  const { get: request } = await import('node:https');
  const answer = request({ host: '127.0.0.1', port, path, ca: certificate });
  const [response] = (await once(answer, 'response')) as [import('node:http').IncomingMessage];
  response.resume();
}

async function connect(user: string, headers: Record<string, string> = {}): Promise<TestClient> {
  const token = await sign(secretKey(SECRET), { sub: user, exp: seconds(60) });
  return TestClient.connect(url(), [V1, `lanfare.bearer.${token}`], {
    ca: certificate,
    headers,
    // not the address of the proxy, which is trusted
    localAddress: '127.0.0.2',
  });
}

test('clients talk over TLS, on whichever node nginx put them', async () => {
  const clients = await Promise.all(Array.from({ length: 6 }, async (_, id) => connect(`u${id}`)));
  const readies = await Promise.all(clients.map(async (client) => client.nextJson()));
  const nodes = new Set(readies.map(({ data }) => (data as { node_id: string }).node_id));
  expect(nodes.size).toBe(2);
  for (const [id, client] of clients.entries()) {
    client.send({ user_id: `u${(id + 1) % 6}`, data: id });
  }
  for (const [id, client] of clients.entries()) {
    expect(await client.nextJson()).toMatchObject({ data: { from: `u${(id + 5) % 6}`, data: (id + 5) % 6 } });
  }
  await Promise.all(clients.map(async (client) => client.close()));
});

test('an upgrade without a token is refused by the node, and nginx passes the answer on', async () => {
  const { status, body } = await TestClient.refusal(url(), [V1], { ca: certificate });
  expect([status, body['code']]).toEqual([401, 'unauthorized']);
});

test("a page of the proxy's own origin may connect, another's not", async () => {
  const client = await connect('page', { origin: `https://127.0.0.1:${port}` });
  await client.close();
  await expect(connect('page', { origin: 'https://evil.example' })).rejects.toThrow('403');
});

test('what a client claims in X-Forwarded-For is not believed', async () => {
  const results = await Promise.allSettled(
    Array.from({ length: 20 }, async (_, id) => connect(`c${id}`, { 'x-forwarded-for': `192.0.2.${id}` })),
  );
  const open = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  // 8 an address and node
  expect(open.length).toBe(16);
  await Promise.all(open.map(async (client) => client.close()));
});

test('the log of nginx has no token in it', async () => {
  await expect(
    TestClient.connect(`${url()}?token=secret.token.here`, [], { ca: certificate }),
  ).rejects.toThrow('401');
  expect(readFileSync(join(directory, 'access.log'), 'utf8')).not.toContain('secret.token');
});

test('a node that drains sends its clients to the other one', async () => {
  const clients = await Promise.all(Array.from({ length: 4 }, async (_, id) => connect(`d${id}`)));
  await Promise.all(clients.map(async (client) => client.nextJson()));
  const closed = Promise.race(clients.map(async (client) => client.closed));
  a.signal('SIGTERM');
  expect((await closed).code).toBe(1012);
  const again = await connect('again');
  expect(await again.ask({ event: 'ping' })).toEqual({ event: 'pong', id: 'q' });
  await again.close();
  await a.exited();
});
