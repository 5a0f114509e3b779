import { afterEach, describe, expect, it } from '@jest/globals';
import { connect, type Connection, type ConnectOptions, type State } from 'lanfare-client';
import { WebSocket } from 'ws';
import { clusterEnvironment } from './support/environment.js';
import { watchUsers, type UsersOnline } from '../client/src/users.js';
import { seconds, secretKey, sign } from './support/key-server.js';
import { TestNode } from './support/node.js';
import { NodeProcess } from './support/node-process.js';
import { running } from './support/running.js';

const SECRET = 'a secret of more than thirty-two bytes';

/** Against the real server, over real sockets. */
describe('lanfare-client', () => {
  const connections: Connection[] = [];

  afterEach(() => {
    for (const connection of connections.splice(0)) connection.close();
  });

  function start(options: ConnectOptions): Connection {
    const connection = connect({ WebSocket, ...options });
    connections.push(connection);
    running.set(connection, async () => connection.close());
    return connection;
  }

  async function until(connection: Connection, name: State['name']): Promise<State> {
    if (connection.state.name === name) return connection.state;
    return new Promise((resolve) => {
      const off = connection.on('state', (state) => {
        if (state.name !== name) return;
        off();
        resolve(state);
      });
    });
  }

  /** The next message. */
  async function heard(connection: Connection): Promise<unknown> {
    return new Promise((resolve) => {
      const off = connection.on('message', (message) => {
        off();
        resolve(message);
      });
    });
  }

  it('sends to a user, and is told the outcome and errors by their codes', async () => {
    const node = await TestNode.start({ CLUSTER_BUS: 'none' });
    const [ann, bob] = ['ann', 'bob'].map((user) => start({ url: node.url(`user_id=${user}`) })) as [
      Connection,
      Connection,
    ];
    await Promise.all([ann.opened, bob.opened]);
    const message = heard(bob);
    expect(await ann.send('bob', { text: 'haha' })).toEqual({ delivered: 1, complete: true });
    expect(await message).toMatchObject({ from: 'ann', data: { text: 'haha' } });
    expect(await ann.send('nobody', 1)).toEqual({ delivered: 0, complete: true });
    await expect(ann.send('x'.repeat(129), 1)).rejects.toMatchObject({ code: 'bad_user_id' });
    await expect(ann.request('no such event')).rejects.toMatchObject({ code: 'unknown_event' });
    await node.stop();
  });

  it('moves to the next address when its node drains, and when one is killed', async () => {
    const env = clusterEnvironment({ SHUTDOWN_GRACE_MS: '1000' });
    const nodes = await Promise.all([NodeProcess.start(env), NodeProcess.start(env), NodeProcess.start(env)]);
    const ann = start({ url: nodes.map((node) => node.url('user_id=ann')) });
    await ann.opened;
    const homes = new Set([ann.session?.node_id]);
    for (const end of ['SIGTERM', 'SIGKILL'] as const) {
      const lost = until(ann, 'waiting');
      (end === 'SIGTERM' ? nodes[0] : nodes[1])?.signal(end);
      expect(await lost).toMatchObject({ code: end === 'SIGTERM' ? 1012 : 1006 });
      await until(ann, 'open');
      homes.add(ann.session?.node_id);
      expect(await ann.send('ann', 'still here')).toMatchObject({ delivered: 1 });
    }
    expect(homes.size).toBe(3);
    await Promise.all(nodes.map(async (node) => node.kill()));
  });

  it('is told who of the users that it watches is online, on any node', async () => {
    const env = clusterEnvironment({ PRESENCE_GRACE_MS: '0' });
    const [a, b] = await Promise.all([TestNode.start(env), TestNode.start(env)]);
    const ann = start({ url: a.url('user_id=ann') });
    const seen: UsersOnline[] = [];
    const look = new Set<() => void>();
    watchUsers(ann, ['bob', 'eve'], (now) => {
      seen.push(now);
      for (const again of look) again();
    });
    const untilOnline = async (...users: string[]) =>
      new Promise<void>((resolve) => {
        const again = () => {
          if (String(seen.at(-1)?.online) === String(users)) resolve();
        };
        look.add(again);
        again();
      });
    await untilOnline();
    const bob = start({ url: b.url('user_id=bob') });
    await untilOnline('bob');
    const eve = start({ url: a.url('user_id=eve') });
    await untilOnline('bob', 'eve');
    bob.close();
    await untilOnline('eve');
    expect(seen.at(-1)).toEqual({ online: ['eve'], complete: true, error: null });
    eve.close();
    await Promise.all([a.stop(), b.stop()]);
  });

  it('shows who is in a room, on any node, with what each says of itself', async () => {
    const env = clusterEnvironment({ PRESENCE_GRACE_MS: '0', ROOM_ACCESS: 'open' });
    const [a, b] = await Promise.all([TestNode.start(env), TestNode.start(env)]);
    const ann = start({ url: a.url('user_id=ann') });
    const bob = start({ url: b.url('user_id=bob') });
    const room = ann.room('chat:42', { presence: 'both', info: { name: 'Ann' } });
    const untilHere = async (...users: string[]) =>
      new Promise<void>((resolve) => {
        const look = () => {
          if (String(room.presence.members.map(({ user_id }) => user_id).toSorted()) !== String(users))
            return;
          off();
          resolve();
        };
        const off = room.on('presence', look);
        look();
      });
    await untilHere('ann');
    bob.room('chat:42', { presence: 'enter', info: { name: 'Bob' } });
    await untilHere('ann', 'bob');
    expect(room.presence.members).toContainEqual({ user_id: 'bob', devices: 1, info: { name: 'Bob' } });
    await bob.room('chat:42').leave();
    await untilHere('ann');
    await Promise.all([a.stop(), b.stop()]);
  });

  it('renews its token before it expires, and is not let in with one that is refused twice', async () => {
    const node = await TestNode.start({ CLUSTER_BUS: 'none', AUTH_MODE: 'jwt', AUTH_JWT_SECRET: SECRET });
    const reasons: string[] = [];
    const token = async ({ reason }: { reason: string }) => {
      reasons.push(reason);
      // the first one is of yesterday, the second one of short life
      const life = [-60, 6][reasons.length - 1] ?? 3600;
      return sign(secretKey(SECRET), { sub: 'ann', exp: seconds(life) });
    };
    const ann = start({ url: node.url(''), token });
    await ann.opened;
    const states: string[] = [];
    ann.on('state', ({ name }) => states.push(name));
    await new Promise<void>((resolve) => {
      const look = setInterval(() => {
        if (reasons.length < 3) return;
        clearInterval(look);
        resolve();
      }, 50);
    });
    expect(reasons).toEqual(['connect', 'refused', 'expiring']);
    expect(await ann.send('ann', 1)).toMatchObject({ delivered: 1 });
    expect(states).toEqual([]);

    const eve = start({ url: node.url(''), token: () => 'not.a.token' });
    await expect(eve.opened).rejects.toMatchObject({ code: 'unauthorized' });
    expect(eve.state).toMatchObject({ name: 'closed', code: 4510, reason: 'unauthorized' });
    await node.stop();
  });
});
