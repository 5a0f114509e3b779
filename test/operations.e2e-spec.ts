import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ConfigType } from '@nestjs/config';
import { Gauge } from 'prom-client';
import { WebSocket } from 'ws';
import { TOKEN_REFUSALS } from '../src/authentication/token-refusals.js';
import { BODY_KINDS } from '../src/cluster/bodies.js';
import { GAP_KINDS, PEER_CHANGES, REJECTIONS } from '../src/cluster/bus/bus.js';
import { Visitors } from '../src/gateway/admission/visitors.js';
import { MODULE_FAILURES } from '../src/telemetry/module-failures.js';
import { SAMPLED_PATHS } from '../src/messaging/message-sample.js';
import { API_ERRORS } from '../src/operations/api/api-error.js';
import { operationsConfig } from '../src/operations/operations.config.js';
import { OperationsDoor } from '../src/operations/operations-door.js';
import { Metrics } from '../src/telemetry/metrics.js';
import { CLOSES, FRAME_ERRORS, UPGRADE_REFUSALS } from '../src/wire/codes.js';
import { TestClient } from '../src/testing/test-client.js';
import { TURNED_AWAY } from '../src/gateway/gateway-statistics.js';
import { carrier } from './support/carrier.js';
import { clusterEnvironment } from './support/environment.js';
import { TestNode } from './support/node.js';
import { RawClient } from './support/raw-client.js';
import { until } from './support/until.js';

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
      expect(sent).toMatchObject({ status: 200, body: { delivered: 2, complete: true } });
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

  it('refuses two Authorization headers, even if one of them is right', async () => {
    const client = await RawClient.connect(Number(new URL(a.operationsUrl).port));
    client.write(
      `GET /v1/users/1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${KEY}\r\nAuthorization: Basic eDp5\r\n\r\n`,
    );
    expect((await client.response()).status).toBe(401);
    client.destroy();
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

  it("tells where a user's connections are, on all nodes", async () => {
    const devices = [
      await TestClient.ready(a.url('user_id=seen')),
      await TestClient.ready(b.url('user_id=seen')),
    ] as const;
    const { body } = await call(a, 'GET', '/v1/users/seen');
    const connection = {
      connection_id: expect.any(String),
      node_id: expect.any(String),
      connected_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    };
    expect(body).toEqual({ user_id: 'seen', connections: [connection, connection], complete: true });
    const nodes = (body['connections'] as { node_id: string }[]).map(({ node_id: node }) => node);
    expect(new Set(nodes).size).toBe(2);
    await Promise.all(devices.map(async (device) => device.close()));
    expect((await call(a, 'GET', '/v1/users/unseen')).body).toMatchObject({
      connections: [],
      complete: true,
    });
  });

  it('tells which of several users are online, on any node', async () => {
    const devices = [
      await TestClient.ready(a.url('user_id=here')),
      await TestClient.ready(b.url(`user_id=${encodeURIComponent('there & é')}`)),
    ] as const;
    const query = `id=nobody&id=${encodeURIComponent('there & é')}&id=here&id=here`;
    expect(await call(a, 'GET', `/v1/users?${query}`)).toMatchObject({
      status: 200,
      body: { online: ['there & é', 'here'], complete: true },
    });
    expect((await call(a, 'GET', '/v1/users?id=nobody')).body).toEqual({ online: [], complete: true });
    await Promise.all(devices.map(async (device) => device.close()));
  });

  const hundred = Array.from({ length: 100 }, (_, id) => `id=${id}`).join('&');

  it.each([
    ['', 400, 'bad_request'],
    ['?', 400, 'bad_request'],
    ['?user_id=1', 400, 'bad_request'],
    ['?id=', 400, 'bad_user_id'],
    [`?id=1&id=${'x'.repeat(129)}`, 400, 'bad_user_id'],
    [`?${hundred}`, 200, undefined],
    [`?${hundred}&id=100`, 400, 'bad_request'],
  ])('tells it of 1 to 100 users who can be: /v1/users%s', async (query, status, code) => {
    const answer = await call(a, 'GET', `/v1/users${query}`);
    expect([answer.status, answer.body['code']]).toEqual([status, code]);
  });

  it("closes a user's connections with 4501, on all nodes", async () => {
    const devices = [
      await TestClient.ready(a.url('user_id=bad')),
      await TestClient.ready(b.url('user_id=bad')),
    ] as const;
    const { body } = await call(a, 'DELETE', '/v1/users/bad/connections');
    expect(body).toEqual({ closed: 2, complete: true });
    for (const device of devices) expect(await device.closed).toMatchObject({ code: 4501 });
  });

  it('neither shows nor counts connections that are closing', async () => {
    const ghost = await RawClient.open(a.port, '/chat?user_id=ghost');
    const closed = { closed: 1, complete: true };
    expect((await call(a, 'DELETE', '/v1/users/ghost/connections')).body).toEqual(closed);
    // it has got its close frame, and never answers
    expect((await ghost.closeFrame()).code).toBe(CLOSES.kicked.code);
    expect((await call(a, 'GET', '/v1/users/ghost')).body['connections']).toEqual([]);
    expect((await call(a, 'DELETE', '/v1/users/ghost/connections')).body).toEqual({ ...closed, closed: 0 });
    expect(ghost.socket.destroyed).toBe(false);
    ghost.destroy();
  });

  it('shows the cluster, this node first', async () => {
    const { body } = await call(a, 'GET', '/v1/cluster');
    expect(body['nodes']).toEqual([
      expect.objectContaining({ name: 'a', self: true, state: 'up', connections: 0, users: 0 }),
      expect.objectContaining({ name: 'b', self: false, state: 'up', connections: 0, users: 0 }),
    ]);
  });

  it('counts what happened in its metrics', async () => {
    const sender = await TestClient.ready(a.url('user_id=metric'));
    await sender.ask({ user_id: 'metric', data: 1, message_id: 'once' });
    const visitor = await RawClient.connect(a.port);
    await until(() => a.app.get(Visitors).size === 1);
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
    expect(value('lanfare_udp_datagrams_total{direction="sent"}') > 0).toBe(carrier.bus === 'udp');
    expect(value('lanfare_visitors')).toBe(1);
    expect(value('lanfare_messages_remembered')).toBeGreaterThanOrEqual(1);
    expect(value('lanfare_directory_bytes')).toBeGreaterThan(0);
    expect(value('lanfare_udp_backlog_bytes')).toBe(0);
    visitor.destroy();
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
      '/v1/broadcast',
      '/v1/cluster',
      '/v1/messages',
      '/v1/rooms/{room}',
      '/v1/rooms/{room}/members',
      '/v1/rooms/{room}/messages',
      '/v1/rooms/{room}/users/{user_id}',
      '/v1/users',
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

describe('counters with labels', () => {
  /** Every value that each label can have, from the tables of the code that counts. */
  const statuses = [200, ...Object.values(API_ERRORS).map(({ status }) => status)].map(String);
  const directions = { direction: ['sent', 'received'] };
  const fannedOut = [
    { path: ['local'], outcome: ['accepted', 'too_large', 'congested'] },
    { path: ['inbound'], outcome: ['accepted', 'dropped'] },
  ];
  const known: Record<string, Record<string, readonly string[]>[]> = {
    lanfare_handshakes_total: [{ result: ['accepted', ...Object.keys(UPGRADE_REFUSALS)] }],
    lanfare_turned_away_total: [{ reason: TURNED_AWAY }],
    lanfare_tokens_refused_total: [{ reason: Object.keys(TOKEN_REFUSALS) }],
    lanfare_closes_total: [{ reason: ['ended', ...Object.keys(CLOSES)] }],
    lanfare_clients_shed_total: [{ limit: ['backlog', 'unhandled'] }],
    lanfare_errors_total: [{ code: Object.keys(FRAME_ERRORS) }],
    lanfare_messages_total: [
      { path: ['local', 'inbound'], outcome: ['delivered', 'absent'] },
      { path: ['cluster'], outcome: ['accepted', 'too_large', 'congested'] },
    ],
    lanfare_deliveries_total: [{ path: ['local', 'inbound'] }],
    lanfare_room_messages_total: fannedOut,
    lanfare_broadcasts_total: fannedOut,
    lanfare_presence_changes_total: [{ change: ['online', 'offline', 'joined', 'updated', 'left'] }],
    lanfare_volatile_dropped_total: [{ where: ['client', 'room', 'cluster', 'late'] }],
    lanfare_cluster_volatile_messages_total: [directions],
    lanfare_message_latency_seconds: [{ path: SAMPLED_PATHS }],
    lanfare_peer_changes_total: [{ change: PEER_CHANGES }],
    lanfare_gaps_total: [{ kind: GAP_KINDS }],
    lanfare_cluster_messages_total: [directions],
    lanfare_directory_lookups_total: [{ result: ['hit', 'miss'] }],
    lanfare_cluster_datagrams_total: [directions],
    lanfare_cluster_datagrams_rejected_total: [{ reason: REJECTIONS }],
    lanfare_cluster_bodies_rejected_total: [{ kind: BODY_KINDS }],
    lanfare_module_failures_total: [{ kind: MODULE_FAILURES }],
    lanfare_udp_datagrams_total: [directions],
    lanfare_udp_bytes_total: [directions],
    lanfare_udp_errors_total: [{ kind: ['send', 'socket'] }],
  };

  /** "label="value",…" of every combination. */
  function seriesOf(values: Record<string, readonly string[]>): string[] {
    return Object.entries(values).reduce<string[]>(
      (series, [label, all]) =>
        series.flatMap((head) => all.map((value) => `${head}${head && ','}${label}="${value}"`)),
      [''],
    );
  }

  it.each([carrier.bus, 'plain', 'none'])('show every value from the first scrape on (%s)', async (bus) => {
    const node = await TestNode.start(clusterEnvironment({ CLUSTER_BUS: bus }), [], false, {
      operations: true,
    });
    const text = String((await call(node, 'GET', '/metrics')).body['text']);
    const { paths } = (await call(node, 'GET', '/docs-json')).body as {
      paths: Record<string, Record<string, unknown>>;
    };
    const routes = Object.entries(paths)
      .filter(([path]) => path.startsWith('/v1/'))
      .flatMap(([path, operations]) =>
        Object.keys(operations).map(
          (method) => `${method.toUpperCase()} ${path.replaceAll(/{(\w+)}/g, ':$1')}`,
        ),
      );
    const expected = {
      ...known,
      lanfare_api_requests_total: [{ route: [...routes, 'other'], status: statuses }],
    };
    const labelled: unknown[] = new Metrics().registry.getMetricsAsArray();
    for (const metric of labelled as { name: string; labelNames: string[] }[]) {
      if (metric.labelNames.length === 0 || metric instanceof Gauge) continue;
      const { name } = metric;
      const pattern = new RegExp(`^${name}(?:_count)?\\{(.*)\\} \\d+$`, 'gm');
      const shown = [...text.matchAll(pattern)].map(([, labels]) => String(labels));
      expect({ name, series: shown.sort() }).toEqual({
        name,
        series: [...new Set(expected[name as keyof typeof expected]?.flatMap(seriesOf))].sort(),
      });
    }
    await node.stop();
  });

  it('count a refused token under its reason', async () => {
    const env = { CLUSTER_BUS: 'none', AUTH_MODE: 'jwt', AUTH_JWT_SECRET: 'x'.repeat(32) };
    const node = await TestNode.start(clusterEnvironment(env), [], false, { operations: true });
    await TestClient.refusal(node.url('token=haha'));
    const text = String((await call(node, 'GET', '/metrics')).body['text']);
    const counted = text.split('\n').filter((line) => /^lanfare_tokens_refused_total.* [1-9]/.test(line));
    expect(counted).toEqual(['lanfare_tokens_refused_total{reason="malformed"} 1']);
    await node.stop();
  });

  it('count an API request under its own route', async () => {
    const node = await TestNode.start(clusterEnvironment({ CLUSTER_BUS: 'none', API_KEYS: KEY }), [], false, {
      operations: true,
    });
    await call(node, 'HEAD', '/v1/cluster');
    await call(node, 'GET', '/v1/nowhere');
    const text = String((await call(node, 'GET', '/metrics')).body['text']);
    const counted = text.split('\n').filter((line) => /^lanfare_api_requests_total.* [1-9]/.test(line));
    expect(counted).toEqual([
      'lanfare_api_requests_total{route="GET /v1/cluster",status="200"} 1',
      'lanfare_api_requests_total{route="other",status="404"} 1',
    ]);
    await node.stop();
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

describe('a port that is taken', () => {
  it('keeps a node from starting, unless nobody has chosen it', async () => {
    const first = await TestNode.start(clusterEnvironment({ CLUSTER_BUS: 'none' }), [], false, {
      operations: true,
    });
    const taken = new URL(first.operationsUrl).port;
    const second = await TestNode.start(clusterEnvironment({ CLUSTER_BUS: 'none', OPS_PORT: taken }));
    await expect(OperationsDoor.open(second.app)).rejects.toThrow(
      `OPS_PORT: cannot listen on 127.0.0.1:${taken}`,
    );
    const config = second.app.get<ConfigType<typeof operationsConfig>>(operationsConfig.KEY);
    Object.assign(config, { isPortNegotiable: true });
    expect(await OperationsDoor.open(second.app)).toBeNull();
    await Promise.all([first.stop(), second.stop()]);
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
