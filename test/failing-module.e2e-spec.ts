import { describe, expect, it } from '@jest/globals';
import { CLOSES } from '../src/wire/codes.js';
import { freePort } from './support/free-port.js';
import { TestClient } from '../src/testing/test-client.js';
import { NodeProcess } from './support/node-process.js';

const PRELOAD = '--import ./test/support/failing-module.mjs';

describe('a node with a module that fails where nobody waits for it', () => {
  it('serves on, and says and counts what failed', async () => {
    const opsPort = await freePort();
    const node = await NodeProcess.start({
      CLUSTER_BUS: 'none',
      OPS_PORT: opsPort,
      NODE_OPTIONS: PRELOAD,
    });
    const bystander = await TestClient.ready(node.url('user_id=bystander'));
    for (const user of ['rejects', 'floats', 'odd']) await TestClient.ready(node.url(`user_id=${user}`));
    await node.waitForOutput(/A promise that nobody awaits failed: Error: "an async subscriber"/);
    await node.waitForOutput(/MessageRefusedError: "the message was refused: bad_user_id"/);
    await node.waitForOutput(/A promise that nobody awaits failed: something that cannot be shown/);
    await node.waitForOutput(/A subscriber of a stream failed: Error: "a subscriber"/);
    expect(node.output).toMatch(/failing-module\.mjs:\d+:/); // where it was
    expect(await bystander.ask({ event: 'ping' })).toMatchObject({ event: 'pong' });
    const metrics = await (await fetch(`http://127.0.0.1:${opsPort}/metrics`)).text();
    expect(metrics).toContain('lanfare_module_failures_total{kind="rejection"} 3');
    expect(metrics).toContain('lanfare_module_failures_total{kind="subscriber"} 1');
    await node.stop();
  });

  it.each(['throws', 'throws on'])(
    'drains, and exits with 70, when an exception is caught by nobody (%s)',
    async (user) => {
      const node = await NodeProcess.start({ CLUSTER_BUS: 'none', NODE_OPTIONS: PRELOAD });
      const clients = await Promise.all(
        [1, 2, 3].map(async (id) => TestClient.ready(node.url(`user_id=${id}`))),
      );
      const culprit = await TestClient.ready(node.url(`user_id=${encodeURIComponent(user)}`));
      for (const client of [...clients, culprit]) expect(await client.closed).toEqual(CLOSES.draining);
      expect(await node.exited()).toBe(70);
      expect(node.output).toContain('Error: out of a timer');
      expect(node.output).toContain('FailingService.throwLater');
      expect(node.output).toContain('Drained');
    },
  );

  it('does not start, and exits with 1, when a gateway cannot be initialised', async () => {
    const node = NodeProcess.launch({
      CLUSTER_BUS: 'none',
      NODE_OPTIONS: PRELOAD,
      FAILING_INIT: 'no broker',
    });
    expect(await node.exited()).toBe(1);
    expect(node.output).toContain('FailingGateway.afterInit failed: Error: no broker');
    expect(node.output).not.toContain('Serving on');
  });

  it('ends within 5 s after such an exception, however long the grace is', async () => {
    const node = await NodeProcess.start({
      CLUSTER_BUS: 'none',
      NODE_OPTIONS: PRELOAD,
      SHUTDOWN_GRACE_MS: '600000',
    });
    const deaf = await TestClient.ready(node.url('user_id=deaf'));
    deaf.socket.pause();
    await TestClient.ready(node.url('user_id=throws'));
    expect(await node.exited()).toBe(70);
  });
});
