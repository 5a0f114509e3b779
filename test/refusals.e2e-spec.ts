import { Global, Injectable, Module } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { IncomingMessage } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { Authenticator, type Identity, type Rejection } from '../src/authentication/authenticator.js';
import { ConnectionRegistry } from '../src/connections/connection-registry.js';
import { Clients } from '../src/gateway/admission/clients.js';
import { Door } from '../src/gateway/admission/door.js';
import { GatewayStatistics } from '../src/gateway/gateway-statistics.js';
import { UPGRADE_REFUSALS, type UpgradeRefusalCode } from '../src/wire/codes.js';
import { TestClient, V1 } from '../src/testing/test-client.js';
import { TestNode } from './support/node.js';
import { clientFrame, handshake, RawClient } from './support/raw-client.js';

const REFUSALS = 'lanfare.refusals';
const OFFERS = [V1, 'lanfare.bearer.a.b.c', REFUSALS];
const TEXT = 1;
const CLOSE = 8;

/** Says of `?user_id=` what the test wants, when the test wants it. */
@Injectable()
class Verdicts extends Authenticator {
  readonly #waiting = new Map<string, (verdict: Identity | Rejection) => void>();
  readonly #requests = new Map<string, IncomingMessage>();

  async authenticate(request: IncomingMessage): Promise<Identity | Rejection> {
    const id = new URL(request.url ?? '', 'http://node').searchParams.get('user_id') ?? '';
    this.#requests.set(id, request);
    return new Promise((resolve) => this.#waiting.set(id, resolve));
  }

  refresh(): Rejection {
    return 'unauthorized';
  }

  async requestOf(id: string): Promise<IncomingMessage> {
    for (;;) {
      const request = this.#requests.get(id);
      if (request !== undefined) return request;
      await setImmediate();
    }
  }

  async give(id: string, verdict: Identity | Rejection): Promise<void> {
    while (!this.#waiting.has(id)) await setImmediate();
    this.#waiting.get(id)?.(verdict);
    this.#waiting.delete(id);
  }
}

@Global()
@Module({ providers: [{ provide: Authenticator, useClass: Verdicts }], exports: [Authenticator] })
class VerdictsModule {}

const identity = (userId: string): Identity => ({ userId, expiresAt: null });

const offering = (...offers: string[]) => `Sec-WebSocket-Protocol: ${offers.join(', ')}`;

/** Asks for an upgrade as `path` and `headers` say, and gives the status of the answer and the client. */
async function ask(node: TestNode, path: string, headers: string[] = []) {
  const client = await RawClient.connect(node.port);
  client.write(handshake(path, headers));
  return { client, response: await client.response() };
}

describe('a client that offers lanfare.refusals', () => {
  let node: TestNode;
  let handshakes: GatewayStatistics['handshakes'];

  beforeAll(async () => {
    node = await TestNode.start({
      CLUSTER_BUS: 'none',
      WS_ALLOWED_ORIGINS: 'https://app.example',
      WS_MAX_CONNECTIONS_PER_USER: '1',
    });
    ({ handshakes } = node.app.get(GatewayStatistics));
    await TestClient.ready(node.url('user_id=here'));
  });

  afterAll(async () => node.stop());

  const EVIL = { origin: 'https://evil.example' };
  const told: [code: UpgradeRefusalCode, query: string, offers: string[], headers: Record<string, string>][] =
    [
      ['origin_not_allowed', 'user_id=1', OFFERS, EVIL],
      ['origin_not_allowed', '', [REFUSALS, V1], EVIL],
      ['bad_user_id', '', OFFERS, {}],
      ['bad_handshake', 'user_id=1', OFFERS, { 'sec-websocket-extensions': 'permessage-deflate; =' }],
      ['bad_subprotocol', 'user_id=1', ['mqtt', REFUSALS], {}],
      ['too_many_for_user', 'user_id=here', OFFERS, {}],
    ];

  it.each(told)('is told %s of "%s" by a close, and nothing else', async (code, query, offers, headers) => {
    const before = handshakes[code];
    const client = await TestClient.connect(node.url(query), offers, { headers, perMessageDeflate: false });
    expect(offers.filter((offer) => offer !== REFUSALS)).toContain(client.socket.protocol);
    const closeCode = UPGRADE_REFUSALS[code].retryable ? 4010 : 4510;
    expect(await client.closed).toEqual({ code: closeCode, reason: code });
    expect(client.pending).toEqual([]);
    expect([node.app.get(Clients).size, node.app.get(ConnectionRegistry).size]).toEqual([1, 1]);
    expect(handshakes[code]).toBe(before + 1);
  });

  const answered: [what: string, status: number, path: string, headers: string[]][] = [
    ['a path that is not served', 404, '/other?user_id=1', [offering(V1, REFUSALS)]],
    ['an old version', 426, '/chat?user_id=1', [offering(V1, REFUSALS), 'Sec-WebSocket-Version: 8']],
    [
      'a key that a 101 can not answer',
      400,
      '/chat?user_id=1',
      [offering(V1, REFUSALS), 'Sec-WebSocket-Key: AAAA'],
    ],
    [
      'no key, and a foreign origin',
      403,
      '/chat',
      [offering(V1, REFUSALS), 'Sec-WebSocket-Key:', 'Origin: null'],
    ],
    ['the offer twice', 400, '/chat?user_id=1', [offering(V1, REFUSALS, REFUSALS)]],
    ['nothing else that a 101 can select', 400, '/chat?user_id=1', [offering(REFUSALS)]],
    ['a token only', 400, '/chat?user_id=1', [offering('lanfare.bearer.a.b.c', REFUSALS)]],
  ];

  it.each(answered)('and has %s is answered by HTTP: %i', async (_, status, path, headers) => {
    const { client, response } = await ask(node, path, headers);
    expect(response.status).toBe(status);
    await client.ended();
  });

  it('and is let in is never told so', async () => {
    for (const offers of [
      [V1, REFUSALS],
      [REFUSALS, V1],
    ]) {
      const client = await TestClient.ready(node.url('user_id=welcome'), offers);
      expect(client.socket.protocol).toBe(V1);
      await client.close();
    }
  });

  it('is heard when it answers the close, and its socket is closed', async () => {
    const { client, response } = await ask(node, '/chat', [offering(V1, REFUSALS)]);
    expect([response.status, response.headers['sec-websocket-protocol']]).toEqual([101, V1]);
    expect(response.headers['sec-websocket-extensions']).toBeUndefined();
    const { opcode, payload } = await client.frame();
    expect([opcode, payload.readUInt16BE(0), payload.toString('utf8', 2)]).toEqual([8, 4510, 'bad_user_id']);
    client.write(clientFrame(CLOSE, payload));
    await client.ended();
  });

  it.each([
    ['does not answer the close', async () => undefined],
    [
      'sends without end, whatever it is told',
      async ({ socket }: RawClient) => {
        socket.allowHalfOpen = true;
        const frames = Buffer.concat(Array.from({ length: 1000 }, () => clientFrame(TEXT, 'x')));
        const flood = () => socket.write(frames, (error) => error ?? flood());
        flood();
      },
    ],
    ['ends its half', async (client: RawClient) => client.socket.end()],
  ])('and %s is cut', async (_, behave) => {
    const { client, response } = await ask(node, '/chat', [offering(V1, REFUSALS)]);
    expect(response.status).toBe(101);
    await behave(client);
    await client.ended();
  });
});

describe('a refusal that is told by a close', () => {
  it('keeps its place among those of its address until its socket is gone', async () => {
    const node = await TestNode.start({ CLUSTER_BUS: 'none', WS_MAX_CONNECTIONS_PER_IP: '1' });
    const refused = await ask(node, '/chat', [offering(V1, REFUSALS)]);
    expect(refused.response.status).toBe(101);
    const second = await ask(node, '/chat?user_id=1', [offering(V1, REFUSALS)]);
    expect([second.response.status, JSON.parse(second.response.body)]).toMatchObject([
      429,
      { code: 'too_many_from_address' },
    ]);
    refused.client.write(clientFrame(CLOSE, ''));
    await refused.client.ended();
    for (;;) {
      const { client, response } = await ask(node, '/chat?user_id=1');
      client.destroy();
      if (response.status === 101) break;
    }
    await node.stop();
  });

  it('of a client that has gone meanwhile leaves its place', async () => {
    const node = await TestNode.start({ CLUSTER_BUS: 'none', WS_MAX_CONNECTIONS_PER_IP: '1' }, [
      VerdictsModule,
    ]);
    const verdicts = node.app.get<Verdicts>(Authenticator);
    const gone = await RawClient.connect(node.port);
    gone.write(handshake('/chat?user_id=gone', [offering(V1, REFUSALS)]));
    const { socket } = await verdicts.requestOf('gone');
    const closed = new Promise((resolve) => socket.once('close', resolve));
    gone.socket.resetAndDestroy();
    await closed;
    await verdicts.give('gone', 'unauthorized');
    const next = TestClient.ready(node.url('user_id=next'));
    await verdicts.give('next', identity('next'));
    await (await next).close();
    await node.stop();
  });

  it.each([
    ['unauthorized', 4510],
    ['unavailable', 4010],
  ] as const)('says what an authenticator says: %s', async (verdict, code) => {
    const node = await TestNode.start({ CLUSTER_BUS: 'none' }, [VerdictsModule]);
    const client = TestClient.connect(node.url('user_id=1'), OFFERS);
    await node.app.get<Verdicts>(Authenticator).give('1', verdict);
    const reason = verdict === 'unavailable' ? 'authentication_unavailable' : verdict;
    expect(await (await client).closed).toEqual({ code, reason });
    await node.stop();
  });

  it('says draining to clients that were held meanwhile, and HTTP to those that come later', async () => {
    const node = await TestNode.start({ CLUSTER_BUS: 'none' }, [VerdictsModule]);
    const held = TestClient.connect(node.url('user_id=1'), OFFERS);
    const verdict = node.app.get<Verdicts>(Authenticator).give('1', identity('1'));
    await verdict;
    node.app.get(Door).stopAdmitting();
    expect(await (await held).closed).toEqual({ code: 4010, reason: 'draining' });
    expect((await TestClient.refusal(node.url('user_id=2'), OFFERS)).status).toBe(503);
    await node.stop();
  });

  it('does not hold up the end of the node', async () => {
    const node = await TestNode.start({ CLUSTER_BUS: 'none' });
    const { client } = await ask(node, '/chat', [offering(V1, REFUSALS)]);
    await node.stop();
    await client.ended();
  });
});
