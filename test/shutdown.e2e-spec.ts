import { describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CLOSES } from '../src/wire/codes.js';
import { TestClient } from '../src/testing/test-client.js';
import { clusterEnvironment } from './support/environment.js';
import { freePort } from './support/free-port.js';
import { NodeProcess } from './support/node-process.js';
import { handshake, RawClient } from './support/raw-client.js';

/** So long that a test which waits until it is over fails by its own time limit. */
const PATIENT = { SHUTDOWN_GRACE_MS: '600000' };

const HALF_A_HEADER = 'GET /chat HTTP/1.1\r\nHost: x\r\n';
const HALF_A_BODY =
  'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{';

describe('a node that is told to end, with a socket on its public port', () => {
  it.each([
    ['that says nothing', ''],
    ['that stops in its header', HALF_A_HEADER],
    ['that was answered and stays', 'GET /nothing-here HTTP/1.1\r\nHost: x\r\n\r\n'],
  ])('%s ends at once with 0', async (_, text) => {
    const node = await NodeProcess.start({ CLUSTER_BUS: 'none', ...PATIENT });
    const visitor = await RawClient.connect(node.port);
    visitor.write(text);
    // what comes later is answered later: the node has read the text
    await fetch(`http://127.0.0.1:${node.port}/chat`);
    node.signal('SIGTERM');
    expect(await node.exited()).toBe(0);
    expect(node.output).toContain('Drained');
    await visitor.ended();
  });

  it.each([
    ['whose body never ends', HALF_A_BODY],
    ['that does not read its answers', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(20_000)],
  ])('%s ends with 0 within the grace', async (_, text) => {
    const node = await NodeProcess.start({ CLUSTER_BUS: 'none', SHUTDOWN_GRACE_MS: '1000' });
    const visitor = await RawClient.connect(node.port);
    visitor.socket.pause();
    visitor.write(text);
    await fetch(`http://127.0.0.1:${node.port}/chat`);
    node.signal('SIGTERM');
    expect(await node.exited()).toBe(0);
  });

  it('whose upgrade is held by an authenticator that does not answer ends at once with 0', async () => {
    const asked = createServer().listen(0, '127.0.0.1');
    await once(asked, 'listening');
    const { port } = asked.address() as AddressInfo;
    const node = await NodeProcess.start({
      CLUSTER_BUS: 'none',
      AUTH_MODE: 'jwt',
      AUTH_JWKS_URL: `http://127.0.0.1:${port}/keys`,
      ...PATIENT,
    });
    const held = await RawClient.connect(node.port);
    const isAsked = once(asked, 'request');
    held.write(handshake('/chat', [`Authorization: Bearer ${SOME_TOKEN}`]));
    await isAsked;
    node.signal('SIGTERM');
    expect(await node.exited()).toBe(0);
    asked.closeAllConnections();
    asked.close();
  });
});

describe("a node that is told to end, with a socket on its operators' port", () => {
  it.each([
    ['that says nothing', ''],
    ['that stops in its header', 'GET /healthz HTTP/1.1\r\nHost: x\r\n'],
    ['whose body never ends', HALF_A_BODY.replace('/ ', '/v1/messages ')],
  ])('%s ends at once with 0', async (_, text) => {
    const port = await freePort();
    const node = await NodeProcess.start({ CLUSTER_BUS: 'none', OPS_PORT: port, ...PATIENT });
    const visitor = await RawClient.connect(Number(port));
    visitor.write(text);
    await fetch(`http://127.0.0.1:${port}/healthz`);
    node.signal('SIGTERM');
    expect(await node.exited()).toBe(0);
    await visitor.ended();
  });
});

describe('a node with a module whose shutdown hooks never end', () => {
  it.each(['onModuleDestroy', 'beforeApplicationShutdown', 'onApplicationShutdown'])(
    'sees its clients off, leaves the cluster and ends with 0 all the same: %s',
    async (hook) => {
      const env = clusterEnvironment({ SHUTDOWN_GRACE_MS: '3000' });
      const [node, other] = await Promise.all([
        NodeProcess.start({
          ...env,
          NODE_OPTIONS: '--import ./test/support/hanging-hooks.mjs',
          HANGING_HOOKS: hook,
        }),
        NodeProcess.start(env),
      ]);
      const client = await TestClient.connect(node.url('user_id=1'));
      node.signal('SIGTERM');
      expect(await client.closed).toEqual(CLOSES.draining);
      expect(await node.exited()).toBe(0);
      expect(node.output).toContain(`HangingService.${hook} has not ended in its share`);
      expect(node.output).toContain(`HangingService.${hook} has not ended: it is cut`);
      await other.waitForOutput(/ left: /);
      await other.stop();
    },
  );
});

describe('a node with a module whose shutdown hooks fail', () => {
  it('ends as it would without it, and names them', async () => {
    const hooks = ['onModuleDestroy', 'beforeApplicationShutdown', 'onApplicationShutdown'];
    const node = await NodeProcess.start({
      CLUSTER_BUS: 'none',
      NODE_OPTIONS: '--import ./test/support/hanging-hooks.mjs',
      FAILING_HOOKS: hooks.join(','),
      ...PATIENT,
    });
    const client = await TestClient.connect(node.url('user_id=1'));
    node.signal('SIGTERM');
    expect(await client.closed).toEqual(CLOSES.draining);
    expect(await node.exited()).toBe(0);
    for (const hook of hooks) expect(node.output).toContain(`FailingService.${hook} failed: Error: "a hook"`);
  });
});

describe('a node that joins its cluster', () => {
  it('and is told to end meanwhile ends with 0', async () => {
    const node = NodeProcess.launch(
      clusterEnvironment({ UDP_MODE: 'multicast', UDP_ADDRESS: '239.255.1.1' }),
    );
    await node.waitForOutput(/UDP multicast to/);
    node.signal('SIGTERM');
    expect(await node.exited()).toBe(0);
  });
});

/** A well-formed token: the node must ask for its key. */
const SOME_TOKEN = `${encode({ alg: 'ES256', kid: 'a' })}.${encode({ sub: '1', exp: 4_000_000_000 })}.c2ln`;

function encode(part: unknown): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}
