import { afterEach, describe, expect, it } from '@jest/globals';
import { Global, Module } from '@nestjs/common';
import { connect, type Connection as ClientConnection, type RoomMessage } from 'lanfare-client';
import { WebSocket } from 'ws';
import type { Environment } from '../src/config/variables.js';
import { RoomPolicy, RoomRefusedError, Rooms } from '../src/index.js';
import { TestClient, V1 } from '../src/testing/test-client.js';
import { clusterEnvironment } from './support/environment.js';
import { startCluster } from './support/cluster.js';
import { seconds, secretKey, sign } from './support/key-server.js';
import { TestNode } from './support/node.js';
import { running } from './support/running.js';

const SECRET = 'a secret of at least thirty-two bytes';
const open = { CLUSTER_BUS: 'none', ROOM_ACCESS: 'open' };

const join = (room: string) => ({ event: 'join', data: { room } });
const publish = (room: string, data: unknown, options: object = {}) => ({
  event: 'publish',
  data: { room, data, ...options },
});
const message = (room: string, from: string, data: unknown) => ({
  event: 'message',
  data: { room, from, data },
});

const cluster = async (count: number, env: Environment = {}): Promise<TestNode[]> =>
  startCluster(count, { ROOM_ACCESS: 'open', ...env });

async function ready(node: TestNode, user: string): Promise<TestClient> {
  return TestClient.ready(node.url(`user_id=${user}`));
}

/** All frames that have come by now, without the `pong` that says so. */
async function arrived(client: TestClient): Promise<unknown[]> {
  client.send({ event: 'ping', id: 'last' });
  const frames: unknown[] = [];
  for (;;) {
    const frame = await client.nextJson();
    if (frame['id'] === 'last') return frames;
    frames.push(frame);
  }
}

describe('a room on several nodes', () => {
  it('gets what a member publishes, on whichever node, once each and in order, and counts it', async () => {
    const [a, b, c] = (await cluster(3)) as [TestNode, TestNode, TestNode];
    const [ann, bob, cem, outsider] = await Promise.all([
      ready(a, 'ann'),
      ready(b, 'bob'),
      ready(b, 'cem'),
      ready(c, 'dan'),
    ]);
    for (const client of [ann, bob, cem]) {
      expect(await client.ask(join('chat:42'))).toEqual({
        event: 'ack',
        id: 'q',
        data: { room: 'chat:42', complete: true },
      });
    }
    for (let count = 0; count < 50; count++) ann.send(publish('chat:42', count));
    expect(await ann.ask(publish('chat:42', 'last', { echo: false }))).toMatchObject({
      event: 'ack',
      data: { delivered: 2, complete: true },
    });
    const numbers = Array.from({ length: 50 }, (_, count) => message('chat:42', 'ann', count));
    for (const client of [bob, cem]) {
      expect(await arrived(client)).toEqual([...numbers, message('chat:42', 'ann', 'last')]);
    }
    expect(await arrived(outsider)).toEqual([]);
  });

  it('gets volatile messages, on whichever node, acked at once with the count of the own node', async () => {
    const [a, b] = (await cluster(2)) as [TestNode, TestNode];
    const [ann, bob] = [await ready(a, 'ann'), await ready(b, 'bob')];
    for (const client of [ann, bob]) await client.ask(join('chat:42'));
    expect(await ann.ask(publish('chat:42', 1, { volatile: true }))).toMatchObject({
      event: 'ack',
      data: { delivered: 1, complete: false },
    });
    expect(await bob.nextJson()).toEqual(message('chat:42', 'ann', 1));
    const send = { event: 'send', data: { user_id: 'bob', data: 2, volatile: true } };
    expect(await ann.ask(send)).toMatchObject({ data: { delivered: 0, complete: false } });
    expect(await bob.nextJson()).toEqual({ event: 'message', data: { from: 'ann', data: 2 } });
    const metrics = await (await fetch(`${b.operationsUrl}/metrics`)).text();
    expect(metrics).toMatch(/^lanfare_cluster_volatile_messages_total\{direction="received"\} 2$/m);
  });

  it('serves lanfare-client, which joins again after its node has gone', async () => {
    const [a, b] = (await cluster(2)) as [TestNode, TestNode];
    const start = (options: { url: string | string[] }): ClientConnection => {
      const connection = connect({ WebSocket, ...options });
      running.set(connection, async () => connection.close());
      return connection;
    };
    const ann = start({ url: [a.url('user_id=ann'), b.url('user_id=ann')] });
    const bob = start({ url: b.url('user_id=bob') });
    const rooms = [ann, bob].map((connection) => connection.room('chat:42'));
    const [ofAnn, ofBob] = rooms as [(typeof rooms)[0], (typeof rooms)[0]];
    const heard: RoomMessage[] = [];
    ofAnn.on('message', (came) => heard.push(came));
    expect(await Promise.all(rooms.map(async ({ joined }) => joined))).toEqual([
      { complete: true, again: false },
      { complete: true, again: false },
    ]);
    expect(await ofBob.publish('haha', { echo: false })).toEqual({ delivered: 1, complete: true });
    expect(heard).toEqual([{ room: 'chat:42', from: 'bob', data: 'haha' }]);

    const again = new Promise((resolve) => ofAnn.on('joined', resolve));
    await a.stop();
    expect(await again).toMatchObject({ again: true });
    await ofBob.publish('again', { echo: false });
    await ofAnn.leave();
    expect(heard.map(({ data }) => data)).toEqual(['haha', 'again']);
    expect(await ofBob.publish('nobody', { echo: false })).toMatchObject({ delivered: 0 });
    await expect(ann.room('no room').joined).rejects.toMatchObject({ code: 'bad_room' });
    for (const connection of [ann, bob]) connection.close();
  });
});

describe('the frames of rooms', () => {
  const nodes: TestNode[] = [];

  afterEach(async () => {
    await Promise.all(nodes.splice(0).map(async (node) => node.stop()));
  });

  async function start(env: Environment = {}, imports: Parameters<typeof TestNode.start>[1] = []) {
    const node = await TestNode.start({ ...open, ...env }, imports);
    nodes.push(node);
    return node;
  }

  it('join many at once, and answer in the order asked', async () => {
    const ann = await ready(await start({ ROOMS_PER_CONNECTION: '2' }), 'ann');
    const rooms = ['a', { room: 'b' }, 'no room', { room: 'c', presence: 'all' }, 'd', 'a'];
    const { data } = await ann.ask({ event: 'join', data: { rooms } });
    expect((data as { rooms: unknown[] }).rooms).toEqual([
      { room: 'a', complete: true },
      { room: 'b', complete: true },
      { room: 'no room', error: expect.objectContaining({ code: 'bad_room', retryable: false }) as unknown },
      { room: 'c', error: expect.objectContaining({ code: 'bad_frame' }) as unknown },
      { room: 'd', error: expect.objectContaining({ code: 'limit_exceeded' }) as unknown },
      { room: 'a', complete: true },
    ]);
  });

  it('take effect in order: a publish behind its join, nothing behind a leave', async () => {
    const node = await start();
    const [ann, bob] = [await ready(node, 'ann'), await ready(node, 'bob')];
    await bob.ask(join('a'));
    ann.send(join('a'));
    ann.send(publish('a', 1));
    ann.send({ event: 'leave', id: 1, data: { room: 'a' } });
    ann.send(publish('a', 2, {}));
    await bob.ask(publish('a', 3));
    expect(await arrived(ann)).toEqual([
      message('a', 'ann', 1),
      { event: 'ack', id: 1 },
      { event: 'error', data: expect.objectContaining({ code: 'not_joined', room: 'a' }) as unknown },
    ]);
    // it is no error to leave a room that the client is not in
    expect(await ann.ask({ event: 'leave', data: { rooms: ['a', 'b'] } })).toEqual({ event: 'ack', id: 'q' });
  });

  it.each([
    ['bad_room', { event: 'join', data: {} }],
    ['bad_room', { event: 'join', data: { room: 'a*' } }],
    ['bad_frame', { event: 'join' }],
    ['bad_frame', { event: 'join', data: { rooms: [] } }],
    ['bad_frame', { event: 'join', data: { room: 'a', presence: 'all' } }],
    ['bad_room', { event: 'leave', data: { room: 'a b' } }],
    ['not_joined', publish('a', 1)],
    ['missing_data', { event: 'publish', data: { room: 'a' } }],
    ['bad_frame', publish('a', 1, { volatile: true, message_id: 'm' })],
  ])('are refused with %s: %j', async (code, frame) => {
    const ann = await ready(await start(), 'ann');
    expect(await ann.ask(frame)).toMatchObject({ event: 'error', id: 'q', data: { code } });
  });

  it('need lanfare.v1.json', async () => {
    const bare = await TestClient.connect((await start()).url('user_id=ann'));
    for (const frame of [join('a'), publish('a', 1)]) {
      expect(await bare.ask(frame)).toMatchObject({
        data: { code: 'subprotocol_required', retryable: false },
      });
    }
  });

  it('are known by their message_id when they are sent again', async () => {
    const node = await start();
    const [ann, bob] = [await ready(node, 'ann'), await ready(node, 'bob')];
    for (const client of [ann, bob]) await client.ask(join('a'));
    for (let count = 0; count < 2; count++) {
      const answer = await ann.ask(publish('a', 1, { message_id: 'm', echo: false }));
      expect(answer).toMatchObject({ data: { delivered: 1, complete: true } });
    }
    expect(await arrived(bob)).toEqual([
      { event: 'message', data: { room: 'a', from: 'ann', data: 1, message_id: 'm' } },
    ]);
  });

  it('charge a client for what its publishes cost', async () => {
    const node = await start({
      WS_MESSAGES_PER_SECOND: '1',
      WS_MESSAGES_BURST: '110',
      WS_MAX_CONNECTIONS_PER_USER: '0',
    });
    const members = await Promise.all(Array.from({ length: 200 }, async () => ready(node, 'm')));
    await Promise.all(members.map(async (member) => member.ask(join('a'))));
    const [first] = members as [TestClient];
    // each is 1, and 2 more for 200 members
    let published = 0;
    while ((await first.ask(publish('a', published)))['event'] === 'ack') published++;
    expect(published).toBeGreaterThanOrEqual(36);
    expect(published).toBeLessThan(60);
  });

  it('say that nothing is complete on the bus `plain`, and reach the members of this node', async () => {
    const env = clusterEnvironment({ CLUSTER_BUS: 'plain' });
    const node = await start(env);
    const ann = await ready(node, 'ann');
    expect(await ann.ask(join('a'))).toMatchObject({ data: { room: 'a', complete: false } });
    expect(await ann.ask(publish('a', 1))).toMatchObject({ data: { delivered: 1, complete: false } });
  });
});

describe('rooms of the server', () => {
  it('are published to, counted and changed by the HTTP API, on any node', async () => {
    const key = 'k'.repeat(32);
    const [a, b] = (await cluster(2, { API_KEYS: key })) as [TestNode, TestNode];
    const [ann, phone, bob] = await Promise.all([ready(a, 'ann'), ready(b, 'ann'), ready(b, 'bob')]);
    const bare = await TestClient.connect(b.url('user_id=ann'));
    const ask = async (method: string, path: string, body?: object) => {
      const response = await fetch(`${a.operationsUrl}/v1/rooms/${path}`, {
        method,
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    };
    const room = encodeURIComponent('chat:42');
    expect(await ask('PUT', `${room}/users/ann`)).toEqual({
      status: 200,
      body: { joined: 2, complete: true },
    });
    expect(await ask('PUT', `${room}/users/nobody`)).toMatchObject({ body: { joined: 0, complete: true } });
    for (const client of [ann, phone]) {
      expect(await client.nextJson()).toEqual({ event: 'joined', data: { room: 'chat:42' } });
    }
    await bob.ask(join('chat:42'));
    expect((await ask('GET', room)).body).toEqual({
      room: 'chat:42',
      users: 3,
      connections: 3,
      complete: true,
    });
    expect((await ask('POST', `${room}/messages`, { data: 'haha' })).body).toEqual({
      delivered: 3,
      complete: true,
    });
    for (const client of [ann, phone, bob]) {
      expect(await client.nextJson()).toEqual({
        event: 'message',
        data: { room: 'chat:42', from: null, data: 'haha' },
      });
    }
    const toAll = await ask('POST', '../broadcast', { data: 'sale' });
    expect(toAll).toEqual({ status: 200, body: { delivered: 4, complete: true } });
    for (const client of [ann, phone, bob]) {
      expect(await client.nextJson()).toEqual({
        event: 'message',
        data: { broadcast: true, from: null, data: 'sale' },
      });
    }
    expect(await bare.next()).toBe('sale');
    expect((await ask('DELETE', `${room}/users/ann`)).body).toEqual({ removed: 2, complete: true });
    expect(await phone.nextJson()).toEqual({ event: 'left', data: { room: 'chat:42', reason: 'removed' } });
    expect(await phone.ask(publish('chat:42', 1))).toMatchObject({ data: { code: 'not_joined' } });
    expect((await ask('GET', 'nowhere')).body).toMatchObject({ users: 0, connections: 0, complete: true });
    expect(await ask('GET', 'no%20room')).toMatchObject({ status: 400, body: { code: 'bad_room' } });
    expect(bare.pending).toEqual([]);

    const metrics = await (await fetch(`${b.operationsUrl}/metrics`)).text();
    expect(metrics).toMatch(/^lanfare_room_memberships 1$/m);
    expect(metrics).toMatch(/^lanfare_room_messages_total\{path="inbound",outcome="accepted"\} 1$/m);
    expect(metrics).toMatch(/^lanfare_room_deliveries_total 2$/m);
  });

  it('serve modules: messages and events of their own, and who comes and goes', async () => {
    const node = await TestNode.start(open);
    const rooms = node.app.get(Rooms);
    const changes: unknown[] = [];
    rooms.changes$.subscribe((change) => changes.push(change));
    const ann = await ready(node, 'ann');
    expect(await rooms.join('a', 'ann')).toEqual({ connections: 1, complete: true });
    expect(await rooms.publish('a', { x: 1 }, { from: 'bob' })).toEqual({ delivered: 1, complete: true });
    expect(await rooms.publish('a', { y: 2 }, { event: 'typing' })).toEqual({ delivered: 1, complete: true });
    expect(await arrived(ann)).toEqual([
      { event: 'joined', data: { room: 'a' } },
      message('a', 'bob', { x: 1 }),
      { event: 'typing', data: { y: 2 } },
    ]);
    await expect(rooms.publish('a', 1, { event: 'message' })).rejects.toThrow(TypeError);
    await expect(rooms.publish('a', undefined)).rejects.toMatchObject({ code: 'missing_data' });
    await expect(rooms.publish('a b', 1)).rejects.toThrow(RoomRefusedError);
    await expect(rooms.publish('a', 'x'.repeat(1_100_000))).rejects.toMatchObject({ code: 'too_large' });
    expect(await rooms.count('a')).toEqual({ users: 1, connections: 1, complete: true });
    await ann.close();
    while (changes.length < 2) await new Promise((resolve) => setImmediate(resolve));
    expect(changes).toEqual([
      { change: 'occupied', room: 'a' },
      { change: 'vacated', room: 'a' },
    ]);
    await node.stop();
  });
});

describe('who may be in a room', () => {
  const token = async (claims: object): Promise<string> =>
    sign(secretKey(SECRET), { sub: 'ann', exp: seconds(600), ...claims });

  it('is said by the claim `rooms`, and by that of a newer token', async () => {
    const node = await TestNode.start({
      CLUSTER_BUS: 'none',
      AUTH_MODE: 'jwt',
      AUTH_JWT_SECRET: SECRET,
    });
    const rooms = ['chat:*', { room: 'news', publish: false }];
    const ann = await TestClient.ready(node.url(''), [V1, `lanfare.bearer.${await token({ rooms })}`]);
    expect(await ann.ask(join('other'))).toMatchObject({ data: { code: 'forbidden', room: 'other' } });
    for (const room of ['chat:1', 'chat:2', 'news']) {
      expect(await ann.ask(join(room))).toMatchObject({ event: 'ack' });
    }
    expect(await ann.ask(publish('news', 1))).toMatchObject({ data: { code: 'forbidden', room: 'news' } });
    expect(await ann.ask(publish('chat:1', 1))).toMatchObject({ data: { delivered: 1 } });

    ann.send({
      event: 'refresh',
      id: 1,
      data: { token: await token({ rooms: ['news', { room: 'chat:1', publish: false }] }) },
    });
    expect(await arrived(ann)).toMatchObject([
      { event: 'left', data: { room: 'chat:2', reason: 'forbidden' } },
      { event: 'ack', id: 1 },
    ]);
    expect(await ann.ask(publish('chat:2', 1))).toMatchObject({ data: { code: 'not_joined' } });
    expect(await ann.ask(publish('chat:1', 1))).toMatchObject({ data: { code: 'forbidden' } });
    expect(await ann.ask(publish('news', 1))).toMatchObject({ data: { delivered: 1 } });
    await node.stop();
  });

  it('is not said by what is no pattern, which is counted', async () => {
    const env = { CLUSTER_BUS: 'none', AUTH_MODE: 'jwt', AUTH_JWT_SECRET: SECRET };
    const node = await TestNode.start(env, [], false, { operations: true });
    const subprotocols = [V1, `lanfare.bearer.${await token({ rooms: [42, 'a*b', 'news'] })}`];
    const ann = await TestClient.ready(node.url(''), subprotocols);
    expect(await ann.ask(join('a-b'))).toMatchObject({ data: { code: 'forbidden' } });
    expect(await ann.ask(join('news'))).toMatchObject({ event: 'ack' });
    const metrics = await (await fetch(`${node.operationsUrl}/metrics`)).text();
    expect(metrics).toMatch(/^lanfare_room_claims_malformed_total 2$/m);
    await node.stop();
  });

  class SlowPolicy extends RoomPolicy {
    asked: string[] = [];

    async join(_connection: unknown, room: string): Promise<boolean> {
      this.asked.push(`join ${room}`);
      return Promise.resolve(room !== 'secret');
    }

    async publish(_connection: unknown, room: string): Promise<boolean> {
      this.asked.push(`publish ${room}`);
      if (room === 'broken') throw new Error('no answer');
      return Promise.resolve(true);
    }
  }

  it('is said by a policy of the application, which is asked once, and keeps the order', async () => {
    const policy = new SlowPolicy();
    @Global()
    @Module({ providers: [{ provide: RoomPolicy, useValue: policy }], exports: [RoomPolicy] })
    class PolicyModule {}
    const node = await TestNode.start({ ...open, ROOM_ACCESS: 'custom' }, [PolicyModule]);
    const ann = await ready(node, 'ann');
    ann.send({ event: 'join', data: { rooms: ['a', 'secret', 'broken'] } });
    for (const data of [1, 2]) ann.send(publish('a', data));
    ann.send(publish('broken', 3));
    expect(await arrived(ann)).toEqual([
      { event: 'error', data: expect.objectContaining({ code: 'forbidden', room: 'secret' }) as unknown },
      message('a', 'ann', 1),
      message('a', 'ann', 2),
      { event: 'error', data: expect.objectContaining({ code: 'internal', room: 'broken' }) as unknown },
    ]);
    expect(policy.asked).toEqual(['join a', 'join secret', 'join broken', 'publish a', 'publish broken']);
    await node.stop();
    await expect(TestNode.start(open, [PolicyModule])).rejects.toThrow(
      'ROOM_ACCESS: must be custom: a module provides SlowPolicy',
    );
  });
});
