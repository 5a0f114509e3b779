import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TestClient, V1 } from '../src/testing/test-client.js';
import { TestNode } from './support/node.js';

describe.each([
  ['without subprotocol', []],
  [V1, [V1]],
])('a bad frame of a client %s', (_format, protocols) => {
  let node: TestNode;
  let client: TestClient;

  beforeAll(async () => {
    node = await TestNode.start({ CLUSTER_BUS: 'none' });
    client = await TestClient.connect(node.url('user_id=1'), protocols);
    if (protocols.length > 0) await client.next();
  });

  afterAll(async () => {
    await node.stop();
  });

  it.each(
    (
      [
        ['', 'bad_json'],
        ['haha', 'bad_json'],
        ['{"user_id":2,"data":"x"', 'bad_json'],
        ['{"user_id":02,"data":"x"}', 'bad_json'],
        ['\ufeff{"user_id":2,"data":"x"}', 'bad_json'],
        ['[]', 'bad_frame'],
        ['null', 'bad_frame'],
        ['"x"', 'bad_frame'],
        ['{}', 'bad_frame'],
        ['{"id":3}', 'bad_frame', 3],
        ['{"event":7,"id":"a"}', 'bad_frame', 'a'],
        ['{"event":"send","id":8,"data":"x"}', 'bad_frame', 8],
        ['{"event":"send","id":8}', 'bad_frame', 8],
        ['{"user_id":"","data":1}', 'bad_user_id'],
        ['{"user_id":null,"data":1,"id":1}', 'bad_user_id', 1],
        ['{"user_id":1.5,"data":1}', 'bad_user_id'],
        ['{"user_id":9007199254740993,"data":1}', 'bad_user_id'],
        ['{"user_id":"\\udc00","data":1}', 'bad_user_id'],
        [`{"user_id":"${'x'.repeat(129)}","data":1}`, 'bad_user_id'],
        ['{"event":"send","id":9,"data":{"user_id":[],"data":1}}', 'bad_user_id', 9],
        ['{"user_id":2}', 'missing_data'],
        ['{"event":"send","id":1,"data":{"user_id":2}}', 'missing_data', 1],
        ['{"user_id":2,"data":1,"id":{}}', 'bad_id'],
        ['{"user_id":2,"data":1,"id":1.5}', 'bad_id'],
        [`{"user_id":2,"data":1,"id":"${'x'.repeat(65)}"}`, 'bad_id'],
        ['{"event":"shout","id":1}', 'unknown_event', 1],
        ['{"event":"__proto__"}', 'unknown_event'],
        [Buffer.from('{"user_id":2,"data":"x"}'), 'unsupported_frame'],
      ] satisfies [frame: string | Buffer, code: string, id?: unknown][]
    ).map(([frame, code, id]) => ({
      frame,
      code,
      id,
      title: frame.toString().slice(0, 60),
    })),
  )('$title is answered by $code', async ({ frame, code, id }) => {
    client.send(frame);
    const answer = await client.nextJson();
    expect(answer).toMatchObject({ event: 'error', data: { code, retryable: false } });
    expect(answer['id']).toBe(id);
  });

  it('leaves the connection as it was', async () => {
    expect(await client.ask({ event: 'ping' })).toEqual({ event: 'pong', id: 'q' });
    expect(client.pending).toEqual([]);
  });
});

describe('an upgrade', () => {
  let node: TestNode;
  beforeAll(async () => {
    node = await TestNode.start({ CLUSTER_BUS: 'none', WS_ALLOWED_ORIGINS: 'https://app.example.com' });
  });
  afterAll(async () => {
    await node.stop();
  });

  it.each(['', 'user_id=', 'user_id=1&user_id=1', 'user_id=%ff', `user_id=${'x'.repeat(129)}`, 'id=1'])(
    'with the query %j is refused with 400',
    async (query) => {
      expect(await TestClient.refusal(node.url(query))).toMatchObject({
        status: 400,
        body: { code: 'bad_user_id' },
      });
    },
  );

  it('of another path is refused with 404', async () => {
    expect(await TestClient.refusal(node.url('user_id=1', '/talk'))).toMatchObject({
      status: 404,
      body: { code: 'not_found' },
    });
  });

  it('from a foreign origin is refused with 403, from an allowed one it is not', async () => {
    const foreign = { headers: { origin: 'https://evil.example.com' } };
    expect(await TestClient.refusal(node.url('user_id=1'), [], foreign)).toMatchObject({ status: 403 });
    const own = { headers: { origin: 'https://app.example.com' } };
    await (await TestClient.connect(node.url('user_id=1'), [], own)).close();
  });

  it('that offers only unknown subprotocols is refused with 400', async () => {
    expect(await TestClient.refusal(node.url('user_id=1'), ['mqtt'])).toMatchObject({
      status: 400,
      body: { code: 'bad_subprotocol' },
    });
  });

  it('that is a plain request gets 426', async () => {
    const response = await fetch(node.url('user_id=1').replace('ws:', 'http:'));
    expect(response.status).toBe(426);
    expect(await response.json()).toMatchObject({ code: 'upgrade_required' });
  });
});
