import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { GatewayStatistics } from '../src/gateway/gateway-statistics.js';
import { UPGRADE_REFUSALS, type UpgradeRefusalCode } from '../src/wire/codes.js';
import { TestClient } from '../src/testing/test-client.js';
import { TestNode } from './support/node.js';
import { clientFrame, handshake, RawClient } from './support/raw-client.js';

const LONG_ID = 'x'.repeat(129);

/** Requests, and how each is refused. */
const REFUSED: [what: string, refusal: UpgradeRefusalCode, request: string][] = [
  ['a path that is not served', 'not_found', handshake('/other?user_id=1')],
  ['another case of the path', 'not_found', handshake('/CHAT?user_id=1')],
  ['a slash too many', 'not_found', handshake('/chat/?user_id=1')],
  ['a path whose escapes are broken', 'not_found', handshake('/%zz')],
  ['an absolute URL of another path', 'not_found', handshake('http://127.0.0.1/other?user_id=1')],
  ['an absolute URL without a path', 'not_found', handshake('http://127.0.0.1?user_id=1')],
  ['another protocol', 'upgrade_required', handshake('/chat?user_id=1', ['Upgrade: h2c'])],
  ['another method', 'upgrade_required', handshake('/chat?user_id=1', [], 'POST')],
  ['an old version', 'upgrade_required', handshake('/chat?user_id=1', ['Sec-WebSocket-Version: 8'])],
  ['two versions', 'upgrade_required', handshake('/chat?user_id=1', ['Sec-WebSocket-Version: 13, 8'])],
  ['no version', 'upgrade_required', handshake('/chat?user_id=1', ['Sec-WebSocket-Version:'])],
  ['no key', 'bad_handshake', handshake('/chat?user_id=1', ['Sec-WebSocket-Key:'])],
  [
    'a key of 15 bytes',
    'bad_handshake',
    handshake('/chat?user_id=1', ['Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA']),
  ],
  [
    'the same subprotocol twice',
    'bad_handshake',
    handshake('/chat?user_id=1', ['Sec-WebSocket-Protocol: lanfare.v1.json, lanfare.v1.json']),
  ],
  [
    'a subprotocol that is no token',
    'bad_handshake',
    handshake('/chat?user_id=1', ['Sec-WebSocket-Protocol: lanfare.v1.json, a"b']),
  ],
  [
    'an extension whose parameter has no name',
    'bad_handshake',
    handshake('/chat?user_id=1', ['Sec-WebSocket-Extensions: permessage-deflate; =']),
  ],
  [
    'an empty subprotocol',
    'bad_handshake',
    handshake('/chat?user_id=1', ['Sec-WebSocket-Protocol: lanfare.v1.json,,']),
  ],
  [
    'subprotocols that are not spoken',
    'bad_subprotocol',
    handshake('/chat?user_id=1', ['Sec-WebSocket-Protocol: mqtt, lanfare.v2.json']),
  ],
  ['no user id', 'bad_user_id', handshake('/chat')],
  ['an empty user id', 'bad_user_id', handshake('/chat?user_id=')],
  ['two user ids', 'bad_user_id', handshake('/chat?user_id=1&user_id=2')],
  ['a user id of 129 bytes', 'bad_user_id', handshake(`/chat?user_id=${LONG_ID}`)],
  ['a user id that is not UTF-8', 'bad_user_id', handshake('/chat?user_id=%ff')],
  ['a user id with a broken escape', 'bad_user_id', handshake('/chat?user_id=%e')],
  ['a lone surrogate as user id', 'bad_user_id', handshake('/chat?user_id=%ed%a0%80')],
  ['a foreign origin', 'origin_not_allowed', handshake('/chat?user_id=1', ['Origin: https://evil.example'])],
  ['the origin null', 'origin_not_allowed', handshake('/chat?user_id=1', ['Origin: null'])],
];

const ALLOWED: [what: string, request: string][] = [
  ['no origin', handshake('/chat?user_id=1')],
  ['an absolute URL', handshake('http://127.0.0.1/chat?user_id=1')],
  ['an absolute URL of another scheme, with a port', handshake('WSS://chat.example:8443/chat?user_id=1')],
  ['an allowed origin', handshake('/chat?user_id=1', ['Origin: https://app.example'])],
  [
    'an unusual case of the headers',
    handshake('/chat?user_id=1', ['upgrade: WebSocket', 'connection: keep-alive, UPGRADE']),
  ],
  ['a user id with a question mark', handshake('/chat?user_id=1?2')],
  ['a user id of 128 bytes', handshake(`/chat?user_id=${'%c3%a9'.repeat(64)}`)],
  [
    'extensions that are not spoken',
    handshake('/chat?user_id=1', ['Sec-WebSocket-Extensions: permessage-deflate, x-foo; bar=1']),
  ],
];

describe('an upgrade', () => {
  let node: TestNode;

  beforeAll(async () => {
    node = await TestNode.start({ CLUSTER_BUS: 'none', WS_ALLOWED_ORIGINS: 'https://app.example' });
  });

  afterAll(async () => {
    await node.stop();
  });

  it.each(REFUSED)('with %s is refused as %s, and counted', async (_, refusal, request) => {
    const { handshakes } = node.app.get(GatewayStatistics);
    const before = handshakes[refusal];
    const client = await RawClient.connect(node.port);
    client.write(request);
    const { status, headers, body } = await client.response();
    const { status: expected, message, retryable } = UPGRADE_REFUSALS[refusal];
    expect([status, JSON.parse(body)]).toEqual([expected, { code: refusal, message, retryable }]);
    expect(handshakes[refusal]).toBe(before + 1);
    expect(headers['connection']).toBe('close');
    if (expected === 426) expect(headers['sec-websocket-version']).toBe('13');
    await client.ended();
  });

  it.each(ALLOWED)('with %s is accepted', async (_, request) => {
    const client = await RawClient.connect(node.port);
    client.write(request);
    expect((await client.response()).status).toBe(101);
    client.destroy();
  });

  it('is asked for by a plain GET', async () => {
    const response = await fetch(`http://127.0.0.1:${node.port}/chat?user_id=1`);
    expect([response.status, response.headers.get('upgrade')]).toEqual([426, 'websocket']);
    expect(await response.json()).toMatchObject({ code: 'upgrade_required' });
  });

  it('that is no HTTP is answered by 400, and serves nobody', async () => {
    const client = await RawClient.connect(node.port);
    client.write('\u0016\u0003\u0001 this is TLS\r\n\r\n');
    expect((await client.response()).status).toBe(400);
    await client.ended();
  });

  it('with more header bytes than allowed gets 431', async () => {
    const client = await RawClient.connect(node.port);
    client.write(handshake('/chat?user_id=1', [`X-Fat: ${'x'.repeat(9000)}`]));
    expect((await client.response()).status).toBe(431);
    await client.ended();
  });

  it('takes frames that come with the request', async () => {
    const client = await RawClient.connect(node.port);

    client.write(
      Buffer.concat([
        Buffer.from(handshake('/chat?user_id=eager')),
        clientFrame(1, '{"event":"ping","id":1}'),
      ]),
    );
    expect((await client.response()).status).toBe(101);
    expect((await client.frame()).payload.toString()).toBe('{"event":"pong","id":1}');
    client.destroy();
  });
});

describe('an upgrade whose target is an absolute URL', () => {
  it("is of the same origin as the URL's host, whatever Host says", async () => {
    const node = await TestNode.start({ CLUSTER_BUS: 'none', WS_ALLOWED_ORIGINS: '' });
    const statuses = ['http://good.example', 'http://127.0.0.1'].map(async (origin) => {
      const client = await RawClient.connect(node.port);
      client.write(handshake('http://good.example/chat?user_id=1', [`Origin: ${origin}`]));
      const { status } = await client.response();
      client.destroy();
      return status;
    });
    expect(await Promise.all(statuses)).toEqual([101, 403]);
    await node.stop();
  });
});

describe('a handshake that takes its time', () => {
  let node: TestNode;

  beforeAll(async () => {
    node = await TestNode.start({ CLUSTER_BUS: 'none', WS_HANDSHAKE_TIMEOUT_MS: '300' });
  });

  afterAll(async () => {
    await node.stop();
  });

  it.each([
    ['says nothing', ''],
    ['stops in its first line', 'GET /chat'],
    ['stops in its headers', handshake('/chat?user_id=1').slice(0, -2)],
  ])('and %s is ended, others are served', async (_, text) => {
    const slow = await RawClient.connect(node.port);
    slow.write(text);
    const client = await TestClient.connect(node.url('user_id=2'));
    await slow.ended();
    expect(await client.ask({ event: 'ping' })).toEqual({ event: 'pong', id: 'q' });
    await client.close();
  });
});
