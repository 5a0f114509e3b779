import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setImmediate } from 'node:timers/promises';
import { CLOSES, type CloseName } from '../src/wire/codes.js';
import { TestClient } from '../src/testing/test-client.js';
import { TestNode } from './support/node.js';
import { clientFrame, RawClient } from './support/raw-client.js';

const CONTINUATION = 0;
const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;
const HELLO = '{"event":"ping"}';

const BROKEN: [what: string, close: CloseName, bytes: Buffer][] = [
  ['reserved bit 1 without compression', 'protocol_error', clientFrame(TEXT, HELLO, { rsv: 4 })],
  ['reserved bit 2', 'protocol_error', clientFrame(TEXT, HELLO, { rsv: 2 })],
  ['reserved bit 3', 'protocol_error', clientFrame(TEXT, HELLO, { rsv: 1 })],
  ['the reserved opcode 3', 'protocol_error', clientFrame(3, HELLO)],
  ['the reserved control opcode 11', 'protocol_error', clientFrame(11, '')],
  ['no mask', 'protocol_error', clientFrame(TEXT, HELLO, { masked: false })],
  ['a continuation of nothing', 'protocol_error', clientFrame(CONTINUATION, HELLO)],
  [
    'a new message within a message',
    'protocol_error',
    Buffer.concat([clientFrame(TEXT, '{', { fin: false }), clientFrame(TEXT, '}')]),
  ],
  ['a fragmented ping', 'protocol_error', clientFrame(PING, 'x', { fin: false })],
  ['a ping of 126 bytes', 'protocol_error', clientFrame(PING, 'x'.repeat(126))],
  ['a close frame of one byte', 'protocol_error', clientFrame(CLOSE, 'x')],
  ['a close frame with a reserved code', 'protocol_error', clientFrame(CLOSE, Buffer.from([0x03, 0xed]))],
  ['a close reason that is not UTF-8', 'bad_utf8', clientFrame(CLOSE, Buffer.from([0x03, 0xe8, 0xc3, 0x28]))],
  ['text that is not UTF-8', 'bad_utf8', clientFrame(TEXT, Buffer.from([0x22, 0xff, 0x22]))],
  ['a surrogate in UTF-8', 'bad_utf8', clientFrame(TEXT, Buffer.from([0xed, 0xa0, 0x80]))],
  [
    'bad UTF-8 across fragments',
    'bad_utf8',
    Buffer.concat([
      clientFrame(TEXT, Buffer.from([0x22, 0xc3]), { fin: false }),
      clientFrame(CONTINUATION, Buffer.from([0x28, 0x22])),
    ]),
  ],
  ['one byte too much', 'too_big', clientFrame(TEXT, 'x'.repeat(65_537))],
  ['a length of 2^62', 'too_big', clientFrame(TEXT, '', { length: 1n << 62n })],
  [
    'too much in fragments',
    'too_big',
    Buffer.concat([
      clientFrame(TEXT, 'x'.repeat(40_000), { fin: false }),
      clientFrame(CONTINUATION, 'x'.repeat(40_000)),
    ]),
  ],
  [
    'thousands of fragments',
    'policy_violation',
    Buffer.concat([
      clientFrame(TEXT, '', { fin: false }),
      ...Array.from({ length: 5000 }, () => clientFrame(CONTINUATION, '', { fin: false })),
    ]),
  ],
];

/** Sends bytes. The server, which runs in this process, reads them before more are sent. */
async function piece(client: RawClient, bytes: Buffer): Promise<void> {
  client.write(bytes);
  await setImmediate();
  await setImmediate();
}

describe('a client that sends', () => {
  let node: TestNode;
  let other: TestClient;

  beforeAll(async () => {
    node = await TestNode.start({ CLUSTER_BUS: 'none' });
    other = await TestClient.connect(node.url('user_id=other'));
  });

  afterAll(async () => {
    await other.close();
    await node.stop();
  });

  it.each(BROKEN)('%s is closed (%s), others are served', async (_, close, bytes) => {
    const client = await RawClient.open(node.port, '/chat?user_id=1');
    client.write(bytes);
    expect(await client.closeFrame()).toEqual(CLOSES[close]);
    await client.ended();
    expect(await other.ask({ event: 'ping' })).toEqual({ event: 'pong', id: 'q' });
  });

  it('a message in fragments, with a ping between them, is answered', async () => {
    const client = await RawClient.open(node.port, '/chat?user_id=1');
    const [first, second] = ['{"event":"pi', 'ng","id":"é"}'];
    client.write(clientFrame(TEXT, first, { fin: false }));
    client.write(clientFrame(PING, 'x'.repeat(125)));
    client.write(clientFrame(CONTINUATION, second));
    expect(await client.frame()).toEqual({ opcode: PONG, payload: Buffer.from('x'.repeat(125)) });
    expect((await client.frame()).payload.toString()).toBe('{"event":"pong","id":"é"}');
    client.destroy();
  });

  it('UTF-8 cut within a character is answered', async () => {
    const client = await RawClient.open(node.port, '/chat?user_id=1');
    const bytes = Buffer.from('{"event":"ping","id":"é"}');
    const cut = bytes.indexOf(0xa9);
    client.write(clientFrame(TEXT, bytes.subarray(0, cut), { fin: false }));
    client.write(clientFrame(CONTINUATION, bytes.subarray(cut)));
    expect((await client.frame()).payload.toString()).toBe('{"event":"pong","id":"é"}');
    client.destroy();
  });

  it('a message of exactly the limit, byte by byte, is answered', async () => {
    const client = await RawClient.open(node.port, '/chat?user_id=1');
    const message = HELLO.padEnd(65_536);
    client.write(clientFrame(TEXT, message));
    expect((await client.frame()).payload.toString()).toBe('{"event":"pong"}');
    for (const byte of clientFrame(TEXT, '{"event":"ping","id":2}')) client.write(Buffer.from([byte]));
    expect((await client.frame()).payload.toString()).toBe('{"event":"pong","id":2}');
    client.destroy();
  });

  it('a long message in pieces as small as a network makes them is answered', async () => {
    const client = await RawClient.open(node.port, '/chat?user_id=1');
    const bytes = clientFrame(TEXT, HELLO.padEnd(65_536));
    for (let at = 0; at < bytes.length; at += 536) await piece(client, bytes.subarray(at, at + 536));
    expect((await client.frame()).payload.toString()).toBe('{"event":"pong"}');
    client.destroy();
  });

  it('a long message byte by byte is answered', async () => {
    const client = await RawClient.open(node.port, '/chat?user_id=1');
    const bytes = clientFrame(TEXT, HELLO.padEnd(65_536));
    client.write(bytes.subarray(0, -1000));
    for (const byte of bytes.subarray(-1000)) await piece(client, Buffer.from([byte]));
    expect((await client.frame()).payload.toString()).toBe('{"event":"pong"}');
    client.destroy();
  });

  it('a long fragment byte by byte is closed (policy_violation): each piece takes a kilobyte', async () => {
    const client = await RawClient.open(node.port, '/chat?user_id=1');
    const bytes = clientFrame(TEXT, HELLO.padEnd(65_536), { fin: false });
    client.write(bytes.subarray(0, -10_000));
    for (const byte of bytes.subarray(-10_000)) await piece(client, Buffer.from([byte]));
    expect(await client.closeFrame()).toEqual(CLOSES.policy_violation);
    await client.ended();
  });

  it('binary is told that it is not supported, and stays', async () => {
    const client = await RawClient.open(node.port, '/chat?user_id=1');
    client.write(clientFrame(BINARY, Buffer.from([1, 2, 3])));
    expect(JSON.parse((await client.frame()).payload.toString())).toMatchObject({
      event: 'error',
      data: { code: 'unsupported_frame' },
    });
    client.write(clientFrame(TEXT, HELLO));
    expect((await client.frame()).payload.toString()).toBe('{"event":"pong"}');
    client.destroy();
  });

  it('a close frame gets it back, after what was queued', async () => {
    const client = await RawClient.open(node.port, '/chat?user_id=closer');
    client.write(
      Buffer.concat([
        clientFrame(TEXT, '{"user_id":"closer","data":"last words"}'),
        clientFrame(CLOSE, Buffer.concat([Buffer.from([0x0f, 0xa0]), Buffer.from('bye')])),
      ]),
    );
    expect((await client.frame()).payload.toString()).toBe('last words');
    expect(await client.closeFrame()).toEqual({ code: 4000, reason: 'bye' });
    await client.ended();
  });
});
