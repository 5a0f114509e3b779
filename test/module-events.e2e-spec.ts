import { describe, expect, it } from '@jest/globals';
import { Rooms, UserEvents } from '../src/index.js';
import { TestClient } from '../src/testing/test-client.js';
import { startCluster } from './support/cluster.js';
import type { TestNode } from './support/node.js';

const ready = async (node: TestNode, user: string): Promise<TestClient> =>
  TestClient.ready(node.url(`user_id=${user}`));

describe("events of a module's own", () => {
  it('reach a room and a user on all nodes, in the order in which they were sent', async () => {
    const [a, b, c] = (await startCluster(3, { ROOM_ACCESS: 'open' })) as [TestNode, TestNode, TestNode];
    const bobs = [await ready(a, 'bob'), await ready(b, 'bob')];
    const bare = await TestClient.connect(b.url('user_id=bob'));
    const other = await ready(c, 'cem');
    for (const bob of bobs) await bob.ask({ event: 'join', data: { room: 'game' } });
    const [rooms, events] = [a.app.get(Rooms), a.app.get(UserEvents)];

    expect(await rooms.publish('game', { x: 1 }, { event: 'tick' })).toEqual({
      delivered: 2,
      complete: true,
    });
    expect(events.send('bob', 'typing', { user: 'ann' })).toBe(true);
    expect(await rooms.publish('game', 'last')).toEqual({ delivered: 2, complete: true });
    expect(events.send('bob', 'stopped')).toBe(true);
    for (const bob of bobs) {
      // nothing orders a room against a user
      const frames = [await bob.nextJson(), await bob.nextJson(), await bob.nextJson(), await bob.nextJson()];
      expect(frames.filter(({ event }) => event === 'tick' || event === 'message')).toEqual([
        { event: 'tick', data: { x: 1 } },
        { event: 'message', data: { room: 'game', from: null, data: 'last' } },
      ]);
      expect(frames.filter(({ event }) => event === 'typing' || event === 'stopped')).toEqual([
        { event: 'typing', data: { user: 'ann' } },
        { event: 'stopped' },
      ]);
    }
    expect([...bare.pending, ...other.pending]).toEqual([]);
    expect(events.send('nobody', 'typing')).toBe(true);
  });
});
