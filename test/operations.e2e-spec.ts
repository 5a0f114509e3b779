import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { WebSocket } from 'ws';
import { TestClient } from './support/client.js';
import { clusterEnvironment } from './support/environment.js';
import { TestNode } from './support/node.js';

const KEY = 'a-key-of-the-backend';

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

/** One request to a node's operators' door, as a backend makes it. */
async function call(
  node: TestNode,
  method: string,
  path: string,
  { body, headers, key = KEY }: { body?: unknown; headers?: Record<string, string>; key?: string } = {},
): Promise<Answer> {
  const response = await fetch(`${node.operationsUrl}${path}`, {
    method,
    headers: {
      Authorization: `Bearer ${key}`,
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...headers,
    },
    body:
      body === undefined
        ? null
        : typeof body === 'string' || Buffer.isBuffer(body)
          ? (body as string)
          : JSON.stringify(body),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: (text.startsWith('{') ? JSON.parse(text) : { text }) as Record<string, unknown>,
  };
}

describe("the operators' door", () => {
  let a: TestNode;
  let b: TestNode;

  beforeAll(async () => {
    const env = clusterEnvironment({ API_KEYS: `another-key-0123456789, ${KEY}` });
    [a, b] = await Promise.all([
      TestNode.start({ ...env, NODE_NAME: 'a' }, [], false, { operations: true }),
      TestNode.start({ ...env, NODE_NAME: 'b' }, [], false, { operations: true }),
    ]);
  });

  afterAll(async () => {
    await Promise.all([a.stop(), b.stop()]);
  });

  it('says that the node is alive and ready', async () => {
    expect(await call(a, 'GET', '/healthz', { key: '' })).toMatchObject({
      status: 200,
      body: { status: 'ok' },
    });
    const ready = await call(a, 'GET', '/readyz', { key: '' });
    expect(ready).toMatchObject({ status: 200, body: { status: 'ok', details: { door: { status: 'up' } } } });
  });

  it('is another door than the public one, both ways', async () => {
    const publicUrl = `http://127.0.0.1:${a.port}`;
    for (const path of ['/healthz', '/readyz', '/metrics', '/v1/cluster', '/docs', '/docs-json']) {
      expect((await fetch(`${publicUrl}${path}`)).status).toBe(404);
    }
    const upgrade = await TestClient.refusal(`${a.operationsUrl.replace('http', 'ws')}/chat?user_id=1`);
    expect(upgrade.status).toBe(404);
  });

  describe('sends messages', () => {
    it("to a user's devices on this node and another, byte for byte", async () => {
      const here = await TestClient.ready(a.url('user_id=api'));
      const there = await TestClient.ready(b.url('user_id=api'));
      const sent = await call(a, 'POST', '/v1/users/api/messages', {
        body: '{"data": {"n":12345678901234567890, "x":1.0}}',
      });
      expect(sent.status).toBe(200);
      expect(sent.body['delivered']).toEqual(expect.any(Number));
      for (const device of [here, there]) {
        expect(await device.next()).toBe(
          '{"event":"message","data":{"from":null,"data":{"n":12345678901234567890, "x":1.0}}}',
        );
      }
      await Promise.all([here.close(), there.close()]);
    });

    it('to a user whose id needs escaping', async () => {
      const device = await TestClient.connect(a.url(`user_id=${encodeURIComponent('a/b é')}`));
      await call(a, 'POST', `/v1/users/${encodeURIComponent('a/b é')}/messages`, { body: { data: 'hi' } });
      expect(await device.next()).toBe('hi');
      await device.close();
    });

    it('to many users at once, with a result for each', async () => {
      const device = await TestClient.connect(a.url('user_id=7'));
      const { status, body } = await call(a, 'POST', '/v1/messages', {
        body: { user_ids: [7, '7', 'nobody'], data: null },
      });
      expect(status).toBe(200);
      expect(body).toMatchObject({
        results: [
          { user_id: '7', delivered: 1 },
          { user_id: 'nobody', delivered: 0 },
        ],
      });
      expect(await device.next()).toBe('null');
      await device.close();
    });

    it('once for an Idempotency-Key, and again once the key is another', async () => {
      const device = await TestClient.connect(a.url('user_id=once'));
      const send = async (key: string, data: unknown) =>
        call(a, 'POST', '/v1/users/once/messages', { body: { data }, headers: { 'Idempotency-Key': key } });
      const [first, second] = await Promise.all([send('k1', 1), send('k1', 1)]);
      expect(second.body).toEqual(first.body);
      const replayed = [first, second].map(({ headers }) => headers.get('idempotency-replayed'));
      expect(replayed.filter((header) => header === 'true')).toHaveLength(1);
      expect((await send('k1', 2)).body['code']).toBe('idempotency_conflict');
      expect((await send('not visible', 1)).body['code']).toBe('bad_idempotency_key');
      await send('k2', 3);
      expect([await device.next(), await device.next()]).toEqual(['1', '3']);
      await device.close();
    });
  });

  describe('refuses, with a stable body,', () => {
    it.each<[string, string, Parameters<typeof call>[3], number, string]>([
      ['no key', '/v1/users/1/messages', { key: '', body: { data: 1 } }, 401, 'unauthorized'],
      ['a wrong key', '/v1/users/1/messages', { key: `${KEY}x`, body: { data: 1 } }, 401, 'unauthorized'],
      ['a wrong key at an unknown path', '/v1/nothing', { key: 'x' }, 401, 'unauthorized'],
      ['an unknown path', '/v1/nothing', {}, 404, 'not_found'],
      ['what is not JSON', '/v1/users/1/messages', { body: '{"data":' }, 400, 'bad_json'],
      [
        'what is not UTF-8',
        '/v1/users/1/messages',
        { body: Buffer.from('7b2264617461223a22ff227d', 'hex') },
        400,
        'bad_json',
      ],
      ['a body without data', '/v1/users/1/messages', { body: {} }, 400, 'bad_body'],
      ['a body with more', '/v1/users/1/messages', { body: { data: 1, user_id: 2 } }, 400, 'bad_body'],
      [
        'a user id too long',
        `/v1/users/${'x'.repeat(129)}/messages`,
        { body: { data: 1 } },
        400,
        'bad_user_id',
      ],
      ['a path that cannot be decoded', '/v1/users/%FF/messages', { body: { data: 1 } }, 400, 'bad_request'],
      [
        'a body that is too large',
        '/v1/users/1/messages',
        { body: { data: 'x'.repeat(1_048_576) } },
        413,
        'too_large',
      ],
      [
        'another content type',
        '/v1/users/1/messages',
        { body: 'data=1', headers: { 'Content-Type': 'text/plain' } },
        415,
        'unsupported_media_type',
      ],
      ['an empty batch', '/v1/messages', { body: { user_ids: [], data: 1 } }, 400, 'bad_body'],
      [
        'an id that JSON rounds',
        '/v1/messages',
        { body: '{"user_ids":[1.00000000000000001],"data":1}' },
        400,
        'bad_user_id',
      ],
    ])('%s', async (_what, path, request, status, code) => {
      const answer = await call(a, 'POST', path, request);
      expect({ status: answer.status, code: answer.body['code'] }).toEqual({ status, code });
      expect(answer.body).toMatchObject({ message: expect.any(String), retryable: expect.any(Boolean) });
    });
  });

  it("tells where a user's connections are", async () => {
    const device = await TestClient.ready(a.url('user_id=seen'));
    const { body } = await call(a, 'GET', '/v1/users/seen');
    expect(body).toEqual({
      user_id: 'seen',
      connections: [
        { connection_id: expect.any(String), node_id: expect.any(String), connected_at: expect.any(String) },
      ],
      complete: expect.any(Boolean),
    });
    await device.close();
    expect((await call(a, 'GET', '/v1/users/unseen')).body).toMatchObject({ connections: [] });
  });

  it("closes a user's connections with 4501", async () => {
    const device = await TestClient.ready(a.url('user_id=bad'));
    const { body } = await call(a, 'DELETE', '/v1/users/bad/connections');
    expect(body).toMatchObject({ closed: 1 });
    expect(await device.closed).toMatchObject({ code: 4501 });
    expect((await call(a, 'DELETE', '/v1/users/bad/connections')).body).toMatchObject({ closed: 0 });
  });

  it('shows the cluster, this node first', async () => {
    const { body } = await call(a, 'GET', '/v1/cluster');
    const [self] = body['nodes'] as Record<string, unknown>[];
    expect(self).toMatchObject({ name: 'a', self: true, state: 'up', connections: expect.any(Number) });
  });

  it('counts what happened in its metrics', async () => {
    const sender = await TestClient.ready(a.url('user_id=metric'));
    await sender.ask({ user_id: 'metric', data: 1 });
    sender.send('not json');
    expect(await sender.nextJson()).toMatchObject({ event: 'error' });
    const text = String((await call(a, 'GET', '/metrics', { key: '' })).body['text']);
    const value = (series: string) =>
      Number(
        text
          .split('\n')
          .find((line) => line.startsWith(`${series} `))
          ?.split(' ')[1],
      );
    expect(value('lanfare_connections')).toBe(1);
    expect(value('lanfare_messages_total{path="local",outcome="delivered"}')).toBeGreaterThanOrEqual(1);
    expect(value('lanfare_errors_total{code="bad_json"}')).toBe(1);
    expect(value('lanfare_handshakes_total{result="accepted"}')).toBeGreaterThanOrEqual(1);
    expect(value('lanfare_udp_datagrams_total{direction="sent"}')).toBeGreaterThanOrEqual(1);
    await sender.close();
    const again = String((await call(a, 'GET', '/metrics', { key: '' })).body['text']);
    expect(again).not.toContain('bad@');
  });

  it('documents the API from what validates it', async () => {
    const { body } = await call(a, 'GET', '/docs-json', { key: '' });
    const paths = body['paths'] as Record<string, Record<string, unknown>>;
    expect(Object.keys(paths).sort()).toEqual([
      '/healthz',
      '/readyz',
      '/v1/cluster',
      '/v1/messages',
      '/v1/users/{user_id}',
      '/v1/users/{user_id}/connections',
      '/v1/users/{user_id}/messages',
    ]);
    expect(paths['/v1/messages']?.['post']).toMatchObject({
      requestBody: {
        content: {
          'application/json': {
            schema: { required: ['user_ids', 'data'], properties: { user_ids: { maxItems: 1000 } } },
          },
        },
      },
    });
    expect((await call(a, 'GET', '/docs', { key: '' })).status).toBe(200);
    const { body: asyncApi } = await call(a, 'GET', '/docs/asyncapi.json', { key: '' });
    expect(asyncApi).toMatchObject({ asyncapi: '3.0.0', channels: { chat: { address: '/chat' } } });
  });
});

describe('a node without API_KEYS', () => {
  it('has health and metrics, and no API', async () => {
    const node = await TestNode.start(clusterEnvironment(), [], false, { operations: true });
    expect((await call(node, 'GET', '/healthz')).status).toBe(200);
    const answer = await call(node, 'POST', '/v1/users/1/messages', { body: { data: 1 } });
    expect([answer.status, answer.body['code']]).toEqual([404, 'api_disabled']);
    await node.stop();
  });
});

describe('readiness', () => {
  it('waits for CLUSTER_MIN_NODES', async () => {
    const node = await TestNode.start(
      clusterEnvironment({ CLUSTER_BUS: 'none', CLUSTER_MIN_NODES: '2' }),
      [],
      false,
      {
        operations: true,
      },
    );
    expect(await call(node, 'GET', '/readyz')).toMatchObject({
      status: 503,
      body: { error: { nodes: { up: 1, wanted: 2 } } },
    });
    await node.stop();
  });

  it('ends when the node drains, and the door stays open until the last client has gone', async () => {
    const node = await TestNode.start(clusterEnvironment({ CLUSTER_BUS: 'none' }), [], false, {
      operations: true,
    });
    const client = await TestClient.ready(node.url('user_id=1'));
    // does not answer the closing handshake, so that the node keeps draining
    client.socket.pause();
    const stopped = node.stop();
    const { status, body } = await call(node, 'GET', '/readyz');
    expect({ status, body }).toMatchObject({ status: 503, body: { error: { door: { status: 'down' } } } });
    expect((await call(node, 'GET', '/healthz')).status).toBe(200);
    expect(client.socket.readyState).toBe(WebSocket.OPEN);
    client.socket.resume();
    await stopped;
    await expect(call(node, 'GET', '/healthz')).rejects.toThrow('fetch failed');
  });
});
