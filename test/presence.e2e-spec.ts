import { describe, expect, it } from '@jest/globals';
import { Global, Module } from '@nestjs/common';
import { connect } from 'lanfare-client';
import { WebSocket } from 'ws';
import { ConnectionRegistry, Presence, RoomPolicy, Rooms, type Connection } from '../src/index.js';
import { TestClient, V1 } from '../src/testing/test-client.js';
import { startCluster } from './support/cluster.js';
import { seconds, secretKey, sign } from './support/key-server.js';
import { TestNode } from './support/node.js';

const SECRET = 'a secret of at least thirty-two bytes';
const single = { CLUSTER_BUS: 'none', PRESENCE_GRACE_MS: '0' };

const watch = (...userIds: unknown[]) => ({ event: 'watch', data: { user_ids: userIds } });
const online = (...userIds: string[]) => ({ event: 'presence', data: { online: userIds } });
const offline = (...userIds: string[]) => ({ event: 'presence', data: { offline: userIds } });

const ready = async (node: TestNode, user: string): Promise<TestClient> =>
  TestClient.ready(node.url(`user_id=${user}`));

describe('the users whom a client watches', () => {
  it('are told as they come and go on any node', async () => {
    const [a, b] = (await startCluster(2, { PRESENCE_GRACE_MS: '0' })) as [TestNode, TestNode];
    const ann = await ready(a, 'ann');
    const bob = await ready(b, 'bob');
    expect(await ann.ask(watch('bob', 'cem', 'ann'), 4)).toEqual({
      event: 'ack',
      id: 4,
      data: { online: ['bob', 'ann'], complete: true },
    });
    const cem = await ready(b, 'cem');
    expect(await ann.nextJson()).toEqual(online('cem'));
    await bob.close();
    expect(await ann.nextJson()).toEqual(offline('bob'));
    await ready(a, 'bob');
    expect(await ann.nextJson()).toEqual(online('bob'));
    await cem.close();
    expect(await ann.nextJson()).toEqual(offline('cem'));
  });

  it('were never gone when they come back within the grace on another node', async () => {
    const [a, b] = (await startCluster(2, { PRESENCE_GRACE_MS: '600000' })) as [TestNode, TestNode];
    const ann = await ready(a, 'ann');
    const bob = await ready(b, 'bob');
    await ann.ask(watch('bob', 'cem'));
    await bob.close();
    await ready(a, 'bob');
    await ready(b, 'cem');
    expect(await ann.nextJson()).toEqual(online('cem'));
  });

  it('are told to a client that gave no id by an event alone', async () => {
    const node = await TestNode.start(single);
    const ann = await ready(node, 'ann');
    ann.send(watch('ann', 'bob'));
    expect(await ann.nextJson()).toEqual(online('ann'));
    await ready(node, 'bob');
    expect(await ann.nextJson()).toEqual(online('bob'));
  });

  it('are not told any more after unwatch', async () => {
    const node = await TestNode.start(single);
    const ann = await ready(node, 'ann');
    await ann.ask(watch('bob', 2, 'cem'));
    expect(await ann.ask({ event: 'unwatch', data: { user_ids: ['bob', '2'] } }, 5)).toEqual({
      event: 'ack',
      id: 5,
    });
    await ready(node, 'bob');
    await ready(node, '2');
    await ready(node, 'cem');
    expect(await ann.nextJson()).toEqual(online('cem'));
    await ann.ask({ event: 'unwatch' });
    const presence = node.app.get(Presence);
    const dan = new Promise<void>((resolve) =>
      presence.watch(['dan']).subscribe(({ online: isOnline }) => {
        if (isOnline) resolve();
      }),
    );
    await ready(node, 'dan');
    await dan;
    expect(ann.pending).toEqual([]);
  });

  it.each([
    [{ user_ids: [] }, 'bad_frame'],
    [{}, 'bad_frame'],
    [undefined, 'bad_frame'],
    [{ user_ids: 'bob' }, 'bad_frame'],
    [{ user_ids: ['bob', ''] }, 'bad_user_id'],
    [{ user_ids: ['1', '2', '3', '4'] }, 'limit_exceeded'],
  ])('are refused in %j with %s', async (data, code) => {
    const node = await TestNode.start({ ...single, WATCHED_USERS_PER_CONNECTION: '3' });
    const ann = await ready(node, 'ann');
    expect(await ann.ask({ event: 'watch', data })).toMatchObject({ event: 'error', data: { code } });
    expect(await ann.ask(watch('1', '2', '3'))).toMatchObject({ event: 'ack' });
  });

  it('are for clients of lanfare.v1.json', async () => {
    const node = await TestNode.start(single);
    const bare = await TestClient.connect(node.url('user_id=1'));
    expect(await bare.ask(watch('2'))).toMatchObject({ data: { code: 'subprotocol_required' } });
    expect(await bare.ask({ event: 'unwatch' })).toMatchObject({ data: { code: 'subprotocol_required' } });
  });

  it('are charged to the rate by their number', async () => {
    const node = await TestNode.start({ ...single, WS_MESSAGES_PER_SECOND: '1', WS_MESSAGES_BURST: '20' });
    const ann = await ready(node, 'ann');
    const many = Array.from({ length: 128 }, (_, index) => index);
    const start = performance.now();
    expect(await ann.ask(watch(...many))).toMatchObject({ event: 'ack' });
    let frames = 0;
    while ((await ann.ask({ event: 'ping' }))['event'] === 'pong') frames++;
    // 20, less one for the frame and eight for its users, and one more each second
    expect(frames).toBeGreaterThanOrEqual(11);
    expect(frames).toBeLessThanOrEqual(11 + (performance.now() - start) / 1000);
  });
});

const join = (room: string, presence?: string, info?: unknown) => ({
  event: 'join',
  data: { room, ...(presence !== undefined && { presence }), ...(info !== undefined && { info }) },
});
const told = (room: string, data: object) => ({ event: 'presence', data: { room, ...data } });
const member = (user: string, devices = 1, info?: unknown) => ({
  user_id: user,
  devices,
  ...(info !== undefined && { info }),
});
const acked = { event: 'ack', data: { complete: true } };

describe('the members of a room', () => {
  const open = { ROOM_ACCESS: 'open' };

  it('are listed after the ack, and told as they come, change and go, on all nodes', async () => {
    const [a, b] = (await startCluster(2, { ...open, PRESENCE_GRACE_MS: '0' })) as [TestNode, TestNode];
    const ann = await ready(a, 'ann');
    const bob = await ready(b, 'bob');
    const cem = await ready(b, 'cem');
    expect(await bob.ask(join('r', 'enter', { name: 'Bob' }))).toMatchObject(acked);
    expect(await ann.ask(join('r', 'both', 'Ann'))).toMatchObject(acked);
    const list = (await ann.nextJson()) as { data: { members: object[] } };
    expect(list).toEqual(told('r', { members: expect.any(Array) }));
    expect(list.data.members).toHaveLength(2);
    expect(list.data.members).toEqual(
      expect.arrayContaining([member('bob', 1, { name: 'Bob' }), member('ann', 1, 'Ann')]),
    );
    // a member that does not enter is not seen
    expect(await cem.ask(join('r'))).toMatchObject(acked);
    expect(await bob.ask(join('r', 'enter', 5))).toMatchObject(acked);
    expect(await ann.nextJson()).toEqual(told('r', { updated: [member('bob', 1, 5)] }));
    const second = await ready(a, 'bob');
    await second.ask(join('r', 'enter', 6));
    expect(await ann.nextJson()).toEqual(told('r', { updated: [member('bob', 2, 6)] }));
    await second.ask({ event: 'leave', data: { room: 'r' } });
    expect(await ann.nextJson()).toEqual(told('r', { updated: [member('bob', 1, 5)] }));
    await bob.ask({ event: 'leave', data: { room: 'r' } });
    expect(await ann.nextJson()).toEqual(told('r', { left: ['bob'] }));
    // who only enters is told nothing
    expect(bob.pending).toEqual([]);
    expect(cem.pending).toEqual([]);
  });

  it('were never gone when they come back within the grace, on any node', async () => {
    const [a, b] = (await startCluster(2, { ...open, PRESENCE_GRACE_MS: '600000' })) as [TestNode, TestNode];
    const ann = await ready(a, 'ann');
    await ann.ask(join('r', 'watch'));
    expect(await ann.nextJson()).toEqual(told('r', { members: [] }));
    const bob = await ready(a, 'bob');
    await bob.ask(join('r', 'enter'));
    expect(await ann.nextJson()).toEqual(told('r', { joined: [member('bob')] }));
    bob.socket.terminate();
    const again = await ready(b, 'bob');
    await again.ask(join('r', 'enter', 1));
    const change = (await ann.nextJson()) as { data: { updated?: unknown } };
    expect(change).toEqual(told('r', { updated: [member('bob', expect.any(Number) as never, 1)] }));
  });

  it('go at once when they are closed with 4501, or taken out', async () => {
    const node = await TestNode.start({ CLUSTER_BUS: 'none', ...open, PRESENCE_GRACE_MS: '600000' });
    const ann = await ready(node, 'ann');
    await ann.ask(join('r', 'watch'));
    await ann.nextJson();
    for (const user of ['bob', 'cem']) {
      await (await ready(node, user)).ask(join('r', 'enter'));
      expect(await ann.nextJson()).toEqual(told('r', { joined: [member(user)] }));
    }
    for (const connection of node.app.get(ConnectionRegistry).of('bob')) connection.close();
    expect(await ann.nextJson()).toEqual(told('r', { left: ['bob'] }));
    await node.app.get(Rooms).remove('r', 'cem');
    expect(await ann.nextJson()).toEqual(told('r', { left: ['cem'] }));
  });

  it('are two numbers in a large room, and a list again when it is small', async () => {
    const [a, b] = (await startCluster(2, {
      ...open,
      PRESENCE_GRACE_MS: '0',
      PRESENCE_MEMBERS_MAX: '3',
    })) as [TestNode, TestNode];
    const ann = await ready(a, 'ann');
    await ann.ask(join('r', 'watch'));
    await ann.nextJson();
    const others: TestClient[] = [];
    for (const [index, node] of [b, b, b, b, a].entries()) {
      const other = await ready(node, `u${index}`);
      await other.ask(join('r', 'enter'));
      others.push(other);
    }
    for (;;) {
      const { data } = (await ann.nextJson()) as { data: { count?: { users: number; devices: number } } };
      if (data.count?.devices === 5) {
        expect(data.count).toEqual({ users: 5, devices: 5 });
        break;
      }
    }
    for (const other of others.slice(0, 3)) await other.ask({ event: 'leave', data: { room: 'r' } });
    for (;;) {
      const { data } = (await ann.nextJson()) as { data: { members?: { user_id: string }[] } };
      if (data.members === undefined) continue;
      expect(data.members.map((one) => one.user_id).sort()).toEqual(['u3', 'u4']);
      break;
    }
  });

  it('are gone with the node that died, after the grace', async () => {
    const [a, b] = (await startCluster(2, { ...open, PRESENCE_GRACE_MS: '0' })) as [TestNode, TestNode];
    const ann = await ready(a, 'ann');
    const bob = await ready(b, 'bob');
    await bob.ask(join('r', 'enter'));
    await ann.ask(join('r', 'both'));
    expect(await ann.nextJson()).toMatchObject({ data: { members: { length: 2 } } });
    await b.stop();
    expect(await ann.nextJson()).toEqual(told('r', { left: ['bob'] }));
  });

  it('come in pages over HTTP and to modules, those who do not enter too', async () => {
    const [a, b] = (await startCluster(2, { ...open, API_KEYS: 'key-of-the-backend' })) as [
      TestNode,
      TestNode,
    ];
    for (const [index, node] of [a, b, a, b, a].entries()) {
      const client = await ready(node, `u${index}`);
      await client.ask(index === 1 ? join('r', 'enter', { n: 1 }) : join('r'));
    }
    await (await ready(b, 'u0')).ask(join('r'));
    expect(await a.app.get(Rooms).members('r', { limit: 2 })).toEqual({
      members: [
        { userId: 'u0', devices: 2 },
        { userId: 'u1', devices: 1, info: { n: 1 } },
      ],
      next: 'u1',
      complete: true,
    });
    const page = async (query: string) =>
      fetch(`${a.operationsUrl}/v1/rooms/r/members${query}`, {
        headers: { authorization: 'Bearer key-of-the-backend' },
      });
    expect(await (await page('?limit=3&after=u1')).json()).toEqual({
      members: [
        { user_id: 'u2', devices: 1 },
        { user_id: 'u3', devices: 1 },
        { user_id: 'u4', devices: 1 },
      ],
      next: null,
      complete: true,
    });
    for (const query of ['?limit=0', '?limit=501', '?limit=x', '?after=']) {
      expect([query, (await page(query)).status]).toEqual([query, 400]);
    }
  });

  it.each([{ presence: 'all' }, { presence: 1 }, { presence: 'enter', info: 'x'.repeat(1023) }])(
    'are refused in %j with bad_frame',
    async (wish) => {
      const node = await TestNode.start({ CLUSTER_BUS: 'none', ...open });
      const ann = await ready(node, 'ann');
      const refused = await ann.ask({ event: 'join', data: { room: 'r', ...wish } });
      expect(refused).toMatchObject({ event: 'error', data: { code: 'bad_frame', room: 'r' } });
      expect(await ann.ask({ event: 'publish', data: { room: 'r', data: 1 } })).toMatchObject({
        data: { code: 'not_joined' },
      });
    },
  );

  it('are a list in the client package', async () => {
    const [a, b] = (await startCluster(2, { ...open, PRESENCE_GRACE_MS: '0' })) as [TestNode, TestNode];
    const lan = (node: TestNode, user: string) => connect({ url: node.url(`user_id=${user}`), WebSocket });
    const [ann, bob] = [lan(a, 'ann'), lan(b, 'bob')];
    const seen: string[] = [];
    const changed = (wanted: string) =>
      new Promise<void>((resolve) => {
        const look = (): void => {
          const now = room.presence.members.map(({ user_id, info }) => `${user_id}:${String(info)}`);
          seen.push(now.sort().join());
          if (seen.at(-1) === wanted) resolve();
        };
        room.on('presence', look);
        look();
      });
    const room = ann.room('r', { presence: 'both', info: 1 });
    await changed('ann:1');
    const other = bob.room('r', { presence: 'enter', info: 2 });
    await changed('ann:1,bob:2');
    await other.leave();
    await changed('ann:1');
    ann.close();
    bob.close();
  });
});

class Friends extends RoomPolicy {
  join(): boolean {
    return false;
  }

  publish(): boolean {
    return false;
  }

  override async watchUsers({ claims }: Connection, userIds: readonly string[]): Promise<boolean> {
    const friends = claims['friends'] as string[];
    return userIds.every((id) => friends.includes(id));
  }
}

@Global()
@Module({ providers: [{ provide: RoomPolicy, useClass: Friends }], exports: [RoomPolicy] })
class FriendsModule {}

describe('a policy that says who may watch whom', () => {
  const token = async (friends: string[]) =>
    sign(secretKey(SECRET), { sub: 'ann', exp: seconds(600), friends });

  it('is asked at each watch, and again when the token is refreshed', async () => {
    const node = await TestNode.start(
      { ...single, AUTH_MODE: 'jwt', AUTH_JWT_SECRET: SECRET, ROOM_ACCESS: 'custom' },
      [FriendsModule],
    );
    const ann = await TestClient.ready(node.url(''), [V1, `lanfare.bearer.${await token(['bob', 'cem'])}`]);
    expect(await ann.ask(watch('bob', 'dan'))).toMatchObject({ data: { code: 'forbidden' } });
    expect(await ann.ask(watch('bob'))).toMatchObject({ event: 'ack' });
    expect(await ann.ask(watch('cem'))).toMatchObject({ event: 'ack' });
    ann.send({ event: 'refresh', data: { token: await token(['bob', 'cem']) } });
    ann.send({ event: 'refresh', data: { token: await token(['bob']) } });
    expect(await ann.nextJson()).toMatchObject({ event: 'error', data: { code: 'forbidden' } });
    expect(await ann.ask(watch('bob'))).toMatchObject({ event: 'ack' });
  });
});
