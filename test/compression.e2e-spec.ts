import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { GatewayStatistics } from '../src/gateway/gateway-statistics.js';
import { CLOSES } from '../src/wire/codes.js';
import { TestClient, V1 } from '../src/testing/test-client.js';
import { TestNode } from './support/node.js';
import { handshake, RawClient } from './support/raw-client.js';

const deflate = { perMessageDeflate: { threshold: 0 } };

let on: TestNode;
let off: TestNode;

beforeAll(async () => {
  const env = { CLUSTER_BUS: 'none', ROOM_ACCESS: 'open', WS_MESSAGES_PER_SECOND: '0' };
  [on, off] = await Promise.all([TestNode.start({ ...env, WS_COMPRESSION: 'true' }), TestNode.start(env)]);
});

afterAll(async () => {
  await Promise.all([on.stop(), off.stop()]);
});

async function offer(node: TestNode, extensions: string) {
  const client = await RawClient.connect(node.port);
  client.write(handshake('/chat?user_id=1', [`Sec-WebSocket-Extensions: ${extensions}`]));
  const response = await client.response();
  client.destroy();
  return response;
}

describe('a client that offers compression', () => {
  it.each([
    'permessage-deflate',
    'permessage-deflate; client_max_window_bits',
    'permessage-deflate; server_max_window_bits=9',
    'permessage-deflate; client_max_window_bits=10, permessage-deflate',
  ])('as %s gets it', async (extensions) => {
    const { status, headers } = await offer(on, extensions);
    expect([status, headers['sec-websocket-extensions']]).toEqual([
      101,
      expect.stringContaining('permessage-deflate'),
    ]);
  });

  it.each([
    'permessage-deflate; nonsense=1',
    'permessage-deflate; server_max_window_bits=16',
    'x-foo; bar=1',
  ])('as %s is let in without it', async (extensions) => {
    const { status, headers } = await offer(on, extensions);
    expect([status, headers['sec-websocket-extensions']]).toEqual([101, undefined]);
  });

  it('in a header a proxy has emptied is let in without it', async () => {
    const { status, headers } = await offer(on, '');
    expect([status, headers['sec-websocket-extensions']]).toEqual([101, undefined]);
  });

  it.each([
    ['on', () => on],
    ['off', () => off],
  ])('in a malformed header is refused, and counted, with compression %s', async (_, node) => {
    const { handshakes } = node().app.get(GatewayStatistics);
    const before = { ...handshakes };
    const { status, body } = await offer(node(), 'permessage-deflate; =');
    expect([status, JSON.parse(body)]).toEqual([400, expect.objectContaining({ code: 'bad_handshake' })]);
    expect(handshakes).toEqual({ ...before, bad_handshake: before.bad_handshake + 1 });
  });

  it('does not get it unless the operator wants it', async () => {
    const client = await TestClient.connect(off.url('user_id=1'), [], deflate);
    expect(client.socket.extensions).toBe('');
    await client.close();
  });
});

describe('compression', () => {
  it.each([
    ['a whole window for its own messages', { clientMaxWindowBits: false as never }],
    ['the smallest windows', { clientMaxWindowBits: 8, serverMaxWindowBits: 8 }],
  ])('keeps messages and their order for a client that wants %s', async (_, wish) => {
    const client = await TestClient.connect(on.url('user_id=1'), [V1], {
      perMessageDeflate: { threshold: 0, ...wish },
    });
    expect(client.socket.extensions).toContain('permessage-deflate');
    expect((await client.nextJson())['event']).toBe('ready');
    const texts = Array.from(
      { length: 200 },
      (_, index) => `${index}${'x'.repeat(index % 3)}${'abcdefgh'.repeat(index % 3 === 0 ? 5000 : 1)}`,
    );
    for (const data of texts) client.send({ user_id: 1, data });
    for (const data of texts)
      expect(await client.nextJson()).toMatchObject({ event: 'message', data: { data } });
    await client.close();
  });

  it('is done for all members of a room at once, whatever windows they have', async () => {
    const windows = [8, 9, 9, 11, 11, 11];
    const members = await Promise.all(
      windows.map(async (bits, index) =>
        TestClient.connect(on.url(`user_id=${index + 10}`), [V1], {
          perMessageDeflate: { threshold: 0, serverMaxWindowBits: bits },
        }),
      ),
    );
    for (const member of members) expect(await member.nextJson()).toMatchObject({ event: 'ready' });
    const room = { event: 'join', data: { room: 'hall' } };
    await Promise.all(members.map(async (member) => member.ask(room)));
    const texts = Array.from({ length: 20 }, (_, index) => `${index}`.repeat(index % 2 === 0 ? 3000 : 1));
    for (const data of texts) members[0]?.send({ event: 'publish', data: { room: 'hall', data } });
    for (const member of members) {
      for (const data of texts)
        expect(await member.nextJson()).toMatchObject({ data: { room: 'hall', data } });
      await member.close();
    }
  });

  it('is not needed by every client of a node that has it', async () => {
    const plain = await TestClient.connect(on.url('user_id=1'), [], { perMessageDeflate: false });
    expect(await plain.ask({ user_id: 1, data: 'x'.repeat(5000) })).toMatchObject({ data: { delivered: 1 } });
    await plain.close();
  });

  it('does not let a bomb inflate', async () => {
    const client = await TestClient.connect(on.url('user_id=1'), [], deflate);
    client.send(Buffer.alloc(50_000_000).toString('latin1'));
    expect((await client.closed).code).toBe(CLOSES.too_big.code);
  });
});
