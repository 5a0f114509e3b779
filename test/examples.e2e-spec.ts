import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { filter, firstValueFrom } from 'rxjs';
import { AuditLog } from '../examples/audit-log/audit-log.js';
import { AuditLogModule } from '../examples/audit-log/audit-log.module.js';
import { DatagramTap } from '../examples/datagram-tap/datagram-tap.js';
import { DatagramTapModule } from '../examples/datagram-tap/datagram-tap.module.js';
import { NotificationsModule } from '../examples/notifications/notifications.module.js';
import { SessionAuthenticatorModule } from '../examples/session-authenticator/session-authenticator.module.js';
import { Sessions } from '../examples/session-authenticator/sessions.js';
import { TestClient } from '../src/testing/test-client.js';
import { itOverUdp } from './support/over-udp.js';
import { clusterEnvironment } from './support/environment.js';
import { TestNode } from './support/node.js';
import { NodeProcess } from './support/node-process.js';

describe('the examples, on two nodes,', () => {
  let a: TestNode;
  let b: TestNode;

  beforeAll(async () => {
    const env = clusterEnvironment();
    const modules = [AuditLogModule, NotificationsModule, DatagramTapModule];
    [a, b] = await Promise.all([TestNode.start(env, modules), TestNode.start(env, modules)]);
  });

  afterAll(async () => {
    await Promise.all([a.stop(), b.stop()]);
  });

  async function notify(user: string, body: string): Promise<Response> {
    return fetch(`http://127.0.0.1:${a.port}/notifications/${user}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body,
    });
  }

  it('audit: a node tells of connections on another', async () => {
    const heard = firstValueFrom(b.app.get(AuditLog).entries$.pipe(filter(({ user }) => user === 'audited')));
    const client = await TestClient.ready(a.url('user_id=audited'));
    expect(await heard).toMatchObject({ what: 'connection added', user: 'audited' });
    await client.close();
  });

  it('notify: a REST request reaches a device on another node', async () => {
    const device = await TestClient.ready(b.url('user_id=notified'));
    const response = await notify('notified', '{"text":"dinner"}');
    expect(await response.json()).toEqual({ reached: 1, isCertain: true });
    expect(await device.nextJson()).toEqual({
      event: 'message',
      data: { from: null, data: { kind: 'notification', body: { text: 'dinner' } } },
    });
    await device.close();
  });

  it('notify: a message that is refused is told why, with a status that says whose fault it is', async () => {
    for (const id of ['é'.repeat(65), '%00'.repeat(129)]) {
      const response = await notify(id, '{}');
      expect([response.status, await response.json()]).toEqual([
        400,
        expect.objectContaining({ code: 'bad_user_id' }),
      ]);
    }
  });

  itOverUdp('`datagrams$` is empty with a broker', 'tap: datagrams of both nodes are seen', async () => {
    expect(a.app.get(DatagramTap).counts.size).toBeGreaterThanOrEqual(2);
  });
});

describe('the session authenticator', () => {
  it('lets a browser with a session in, and nobody else', async () => {
    const node = await TestNode.start(clusterEnvironment({ CLUSTER_BUS: 'none', AUTH_MODE: 'custom' }), [
      SessionAuthenticatorModule,
    ]);
    node.app.get(Sessions).open('s3cr3t', { userId: '1', expiresAt: Date.now() + 60_000 });
    const client = await TestClient.connect(node.url(''), ['lanfare.v1.json'], {
      headers: { Cookie: 'theme=dark; session=s3cr3t' },
    });
    expect(await client.nextJson()).toMatchObject({ event: 'ready', data: { user_id: '1' } });
    const stranger = await TestClient.refusal(node.url(''), ['lanfare.v1.json'], {
      headers: { Cookie: 'session=guessed' },
    });
    expect(stranger.status).toBe(401);
    await client.close();
    await node.stop();
  });
});

describe('every example', () => {
  const names = readdirSync('examples');

  beforeAll(() => {
    execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.examples.json']);
  }, 60_000);

  it.each(names)('is an application that starts by itself: %s', async (name) => {
    // what `npm run example -- name` does behind the compiler
    const node = NodeProcess.launch({ CLUSTER_BUS: 'none' }, [], {
      entry: 'scripts/example.mjs',
      args: [name],
    });
    await node.waitForOutput(/Serving on/);
    await node.stop();
    expect(await node.exited()).toBe(0);
  });

  it.each([[], ['shopp'], ['..'], ['shop/../shop']])(
    'is named to somebody who asks for another: %j',
    (...args) => {
      const { status, stderr } = spawnSync(process.execPath, ['scripts/example.mjs', ...args], {
        encoding: 'utf8',
      });
      expect([status, stderr]).toEqual([2, `usage: npm run example -- <${names.join(' | ')}>\n`]);
    },
  );
});
