import { describe, expect, it } from '@jest/globals';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clusterEnvironment } from './support/environment.js';
import { TestClient } from './support/client.js';
import { NodeProcess } from './support/node-process.js';

function environmentFile(text: string): string {
  const file = join(mkdtempSync(join(tmpdir(), 'lanfare-')), 'node.env');
  writeFileSync(file, text);
  return file;
}

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

  it('on a port that is taken exits with 1', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as { port: number };
    const node = NodeProcess.launch({ CLUSTER_BUS: 'none', PORT: String(port) });
    expect(await node.exited()).toBe(1);
    expect(node.output).toContain('EADDRINUSE');
    holder.close();
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
