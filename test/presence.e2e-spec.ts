import { describe, expect, it } from '@jest/globals';
import { Global, Module } from '@nestjs/common';
import type { Environment } from '../src/config/variables.js';
import { Presence, RoomPolicy, type Connection } from '../src/index.js';
import { TestClient, V1 } from '../src/testing/test-client.js';
import { clusterEnvironment } from './support/environment.js';
import { seconds, secretKey, sign } from './support/key-server.js';
import { TestNode } from './support/node.js';

const SECRET = 'a secret of at least thirty-two bytes';
const single = { CLUSTER_BUS: 'none', PRESENCE_GRACE_MS: '0' };

const watch = (...userIds: unknown[]) => ({ event: 'watch', data: { user_ids: userIds } });
const online = (...userIds: string[]) => ({ event: 'presence', data: { online: userIds } });
const offline = (...userIds: string[]) => ({ event: 'presence', data: { offline: userIds } });

async function cluster(count: number, env: Environment): Promise<TestNode[]> {
  const shared = clusterEnvironment({ CLUSTER_MIN_NODES: String(count), ...env });
  const nodes = await Promise.all(
    Array.from({ length: count }, async (_, index) =>
      TestNode.start({ ...shared, CLUSTER_BUS: 'udp', NODE_NAME: `n${index}` }, [], false, {
        operations: true,
      }),
    ),
  );
  for (const { operationsUrl } of nodes) {
    while ((await fetch(`${operationsUrl}/readyz`)).status !== 200);
  }
  return nodes;
}

const ready = async (node: TestNode, user: string): Promise<TestClient> =>
  TestClient.ready(node.url(`user_id=${user}`));

describe('the users whom a client watches', () => {
  it('are told as they come and go on any node', async () => {
    const [a, b] = (await cluster(2, { PRESENCE_GRACE_MS: '0' })) as [TestNode, TestNode];
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
    const [a, b] = (await cluster(2, { PRESENCE_GRACE_MS: '600000' })) as [TestNode, TestNode];
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
    expect(await ann.ask(watch(...many))).toMatchObject({ event: 'ack' });
    for (let frame = 0; frame < 11; frame++) {
      expect(await ann.ask({ event: 'ping' })).toMatchObject({ event: 'pong' });
    }
    expect(await ann.ask({ event: 'ping' })).toMatchObject({ data: { code: 'rate_limited' } });
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
