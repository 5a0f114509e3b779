import { describe, expect, it } from '@jest/globals';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { clusterEnvironment } from './support/environment.js';
import { TestClient } from '../src/testing/test-client.js';
import { freePort } from './support/free-port.js';
import { NodeProcess } from './support/node-process.js';
import { running } from './support/running.js';

function environmentFile(text: string): string {
  const file = join(mkdtempSync(join(tmpdir(), 'lanfare-')), 'node.env');
  writeFileSync(file, text);
  return file;
}

const NONE = { CLUSTER_BUS: 'none' };

/** Takes a port of this machine, until the tests end. */
async function hold(port: string): Promise<void> {
  const holder = createServer().listen(Number(port), '127.0.0.1');
  running.set(holder, async () => once(holder.close(), 'close'));
  await once(holder, 'listening');
}

const dataUrl = (code: string) => `data:text/javascript,${encodeURIComponent(code)}`;

describe('nodes as processes of their own', () => {
  it.each(['plain', 'udp'])('hold a conversation over CLUSTER_BUS=%s', async (bus) => {
    const env = clusterEnvironment({ CLUSTER_BUS: bus });
    const [a, b] = await Promise.all([NodeProcess.start(env), NodeProcess.start(env)]);
    const one = await TestClient.connect(a.url('user_id=1'));
    const two = await TestClient.connect(b.url('user_id=2'));
    one.send('{"user_id":2,"data":"haha"}');
    expect(await two.next()).toBe('haha');
    await Promise.all([a.stop(), b.stop()]);
  });

  it('warn that the plain bus is insecure', async () => {
    const node = await NodeProcess.start(clusterEnvironment({ CLUSTER_BUS: 'plain' }));
    await node.stop();
    expect(node.output).toContain('INSECURE');
  });
});

describe('a start', () => {
  it('that is badly configured names every bad variable and exits with 1', async () => {
    const node = NodeProcess.launch({
      PORT: 'eighty',
      AUTH_MODE: 'trust',
      UDP_MODE: 'pigeon',
      CLUSTER_SECRET: 'short-secret',
      WS_PATH: 'chat',
      LOG_LEVEL: 'loud',
    });
    expect(await node.exited()).toBe(1);
    for (const name of ['PORT', 'AUTH_MODE', 'UDP_MODE', 'CLUSTER_SECRET', 'WS_PATH', 'LOG_LEVEL']) {
      expect(node.output).toMatch(new RegExp(`^${name}: `, 'm'));
    }
    expect(node.output).not.toContain('short-secret');
  });

  it('in production with development settings is refused', async () => {
    const node = NodeProcess.launch({ NODE_ENV: 'production' });
    expect(await node.exited()).toBe(1);
    expect(node.output).toMatch(/^AUTH_MODE: .*production/m);
    expect(node.output).toMatch(/^CLUSTER_SECRET: .*production/m);
    expect(node.output).toMatch(/^UDP_ADDRESS: .*loopback/m);
  });

  it.each([
    ['PORT', (taken: number) => ({ PORT: String(taken) })],
    ['OPS_PORT', (taken: number) => ({ OPS_PORT: String(taken) })],
    ['PORT', (_taken: number, free: number) => ({ OPS_PORT: String(free), PORT: String(free) })],
    ['HOST', () => ({ HOST: '192.0.2.1' })],
    ['OPS_HOST', (_taken: number, free: number) => ({ OPS_PORT: String(free), OPS_HOST: '192.0.2.1' })],
    ['ENV_FILE', () => ({ ENV_FILE: tmpdir() })],
    ['ENV_FILE', () => ({ ENV_FILE: join(tmpdir(), 'no-such-file.env') })],
  ])('that cannot have its %s names it, exits with 1 and joins no cluster', async (name, settings) => {
    const port = await freePort();
    await hold(port);
    const free = await freePort();
    const node = NodeProcess.launch(clusterEnvironment(settings(Number(port), Number(free))));
    expect(await node.exited()).toBe(1);
    expect(node.output).toMatch(new RegExp(`^${name}: .*(cannot|no file)`, 'm'));
    expect(node.output).not.toMatch(/UDP broadcast|^ +at /m);
  });

  it('whose port is taken in the last moment leaves the cluster again', async () => {
    const env = clusterEnvironment();
    const other = await NodeProcess.start(env);
    const port = await freePort();
    const node = NodeProcess.launch({ ...env, PORT: port });
    await node.waitForOutput(/UDP broadcast/);
    await hold(port);
    expect(await node.exited()).toBe(1);
    expect(node.output).toMatch(/^PORT: cannot listen on .*EADDRINUSE/m);
    await other.waitForOutput(/left: it said good-bye/);
    await other.stop();
  });

  it('takes the process environment before the file, and warns of a name one typo away', async () => {
    const file = environmentFile('WS_PATH=/from-file\nCLUSTER_BUS=plain\nUPD_PORT=1\n');
    const node = await NodeProcess.start({ ENV_FILE: file, CLUSTER_BUS: 'none' });
    const client = await TestClient.connect(node.url('user_id=1', '/from-file'));
    await client.close();
    await node.stop();
    expect(node.output).toContain('UPD_PORT is not a variable of Lanfare: was UDP_PORT meant?');
    expect(node.output).not.toContain('INSECURE: anyone on the LAN');
  });
});

describe('the log', () => {
  const lines = ({ output }: NodeProcess) =>
    output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);

  it('begins with the version, and says which node speaks', async () => {
    const node = await NodeProcess.start({ ...NONE, LOG_FORMAT: 'json', NODE_NAME: 'alpha' });
    await node.stop();
    const told = lines(node);
    expect(told[0]).toMatchObject({ message: expect.stringMatching(/^Lanfare \d+\.\d+\.\d+ on Node v/) });
    expect(told.length).toBeGreaterThan(2);
    const id = told[0]?.['node_id'];
    expect(id).toMatch(/^[0-9a-f]{24}$/);
    for (const line of told) expect(line).toMatchObject({ node_name: 'alpha', node_id: id });
  });

  it('has no colours where there is no terminal', async () => {
    const node = await NodeProcess.start({ ...NONE, NODE_NAME: 'alpha' });
    await node.stop();
    expect(node.output).not.toContain('\x1b');
    expect(node.output).toMatch(/^\[alpha [0-9a-f]{8}\] \d+ /);
  });

  it('shows the address of all interfaces as it is', async () => {
    const node = await NodeProcess.start({ ...NONE, HOST: '0.0.0.0' });
    await node.stop();
    expect(node.output).toMatch(/Serving on http:\/\/0\.0\.0\.0:\d+/);
  });

  it.each([
    [
      'a bad value, the format told by the file',
      { ENV_FILE: () => environmentFile('LOG_FORMAT=json\nPORT=x\n') },
    ],
    ['a file that is none', { ENV_FILE: () => tmpdir() }],
    ['a host that is not here', { HOST: () => '192.0.2.1' }],
  ])('is JSON for machines when the start fails: %s', async (_, settings) => {
    const made = Object.fromEntries(Object.entries(settings).map(([name, make]) => [name, make()]));
    const format = made['ENV_FILE']?.endsWith('.env') ? {} : { LOG_FORMAT: 'json' };
    const node = NodeProcess.launch({ ...NONE, NODE_NO_WARNINGS: '1', ...format, ...made, PORT: '' });
    expect(await node.exited()).toBe(1);
    expect(lines(node).map(({ level }) => level)).toContain('fatal');
  });

  it('is JSON for machines when the node breaks', async () => {
    const node = await NodeProcess.start({
      ...NONE,
      LOG_FORMAT: 'json',
      NODE_OPTIONS: `--import ${dataUrl("process.on('SIGUSR2',()=>{throw new Error('broken')})")}`,
    });
    node.signal('SIGUSR2');
    expect(await node.exited()).toBe(70);
    const fatal = { level: 'fatal', message: expect.stringContaining('broken') };
    expect(lines(node)).toContainEqual(expect.objectContaining(fatal));
  });
});

const hasIPv6 = Object.values(networkInterfaces()).some((infos) =>
  infos?.some(({ address }) => address === '::1'),
);
if (!hasIPv6) process.stdout.write('The test of HOST=:: is skipped: this machine has no address ::1\n');

(hasIPv6 ? describe : describe.skip)('HOST=::', () => {
  it('serves clients over IPv6 and IPv4, to each other', async () => {
    const node = await NodeProcess.start({ ...NONE, HOST: '::' });
    expect(node.output).toContain(`Serving on http://[::]:${node.port}`);
    const url = (host: string) => `ws://${host}:${node.port}/chat?user_id=`;
    const six = await TestClient.connect(`${url('[::1]')}six`);
    const four = await TestClient.connect(`${url('127.0.0.1')}four`);
    six.send({ user_id: 'four', data: 'from six' });
    four.send({ user_id: 'six', data: 'from four' });
    expect([await four.next(), await six.next()]).toEqual(['from six', 'from four']);
    await node.stop();
  });
});

describe('the environment', () => {
  const secret = 'a-secret-of-this-cluster-that-nobody-knows';

  it('may have an empty variable: the file has its value', async () => {
    const file = environmentFile(`CLUSTER_SECRET=${secret}\n`);
    const node = await NodeProcess.start(clusterEnvironment({ ENV_FILE: file, CLUSTER_SECRET: '' }));
    await node.stop();
    expect(node.output).not.toContain('CLUSTER_SECRET is not set');
  });

  it('with a secret that a # cuts is refused, among what else is wrong', async () => {
    const file = environmentFile(`CLUSTER_SECRET=${secret}#and-more\nPORT=eighty\n`);
    const node = NodeProcess.launch({ ENV_FILE: file, PORT: '' });
    expect(await node.exited()).toBe(1);
    expect(node.output).toMatch(/^CLUSTER_SECRET: is cut at a #/m);
    expect(node.output).toMatch(/^PORT: /m);
    expect(node.output).not.toContain(secret);
  });

  it('whose NODE_ENV is nearly production is warned about', async () => {
    const node = await NodeProcess.start({ CLUSTER_BUS: 'none', NODE_ENV: 'Production' });
    await node.stop();
    expect(node.output).toContain('NODE_ENV=Production is not production');
  });
});

describe('a node that is told to end', () => {
  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'by %s closes its clients with 1012 and exits with 0',
    async (signal) => {
      const node = await NodeProcess.start({ CLUSTER_BUS: 'none' });
      const clients = await Promise.all(
        Array.from({ length: 20 }, async (_, index) => TestClient.connect(node.url(`user_id=${index}`))),
      );
      node.signal(signal);
      for (const client of clients)
        expect(await client.closed).toEqual({ code: 1012, reason: 'node is shutting down' });
      expect(await node.exited()).toBe(0);
    },
  );

  it('after the reader of its log has gone drains all the same', async () => {
    const node = await NodeProcess.start({ CLUSTER_BUS: 'none' });
    const client = await TestClient.connect(node.url('user_id=1'));
    node.closeOutput();
    node.signal('SIGTERM');
    expect((await client.closed).code).toBe(1012);
    expect(await node.exited()).toBe(0);
  });

  it('twice ends at once, with 128 plus the number of the signal', async () => {
    const node = await NodeProcess.start({ CLUSTER_BUS: 'none', SHUTDOWN_GRACE_MS: '60000' });
    const stubborn = await TestClient.connect(node.url('user_id=1'));
    stubborn.socket.pause(); // never answers the close frame
    node.signal('SIGTERM');
    await node.waitForOutput(/draining/);
    node.signal('SIGTERM');
    expect(await node.exited()).toBe(143);
  });
});
