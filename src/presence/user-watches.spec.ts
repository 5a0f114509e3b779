import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { MemoryBus, MemoryNetwork } from '../cluster/bus/memory-bus.js';
import { Cluster } from '../cluster/cluster.js';
import { ConnectionRegistry } from '../connections/connection-registry.js';
import { FakeDevice } from '../connections/testing/fake-device.js';
import { UserWatches } from './user-watches.js';
import { WatchedUsers } from './watched-users.js';

const config = { WATCHED_USERS_PER_CONNECTION: 3, PRESENCE_GRACE_MS: 1000, PRESENCE_MEMBERS_MAX: 1000 };

describe('the watches of a client', () => {
  let connections: ConnectionRegistry;
  let users: WatchedUsers;
  let watches: UserWatches;
  let device: FakeDevice;

  beforeEach(async () => {
    jest.useFakeTimers();
    const bus = new MemoryBus('a', new MemoryNetwork());
    await bus.start();
    const cluster = new Cluster(bus);
    connections = new ConnectionRegistry();
    users = new WatchedUsers(connections, cluster, config);
    watches = new UserWatches(users, connections, cluster, config);
    users.onModuleInit();
    watches.onModuleInit();
    device = connect('watcher');
  });

  afterEach(() => {
    users.onApplicationShutdown();
    watches.onApplicationShutdown();
    jest.useRealTimers();
  });

  const connect = (userId: string): FakeDevice => {
    const added = new FakeDevice(`${userId} ${connections.size}`, userId);
    connections.add(added);
    return added;
  };
  const told = (of = device) =>
    of.frames.splice(0).map((frame) => (JSON.parse(frame) as { data: object }).data);

  it('answer who is online now, and tell each change after that', () => {
    connect('ann');
    expect(watches.watch(device, ['ann', 'bob'])).toEqual({ online: ['ann'], complete: true });
    connect('bob');
    jest.advanceTimersByTime(100);
    expect(told()).toEqual([{ online: ['bob'] }]);
  });

  it('tell what happens within a moment in one frame, and nothing of what was undone', () => {
    watches.watch(device, ['ann', 'bob', 'cem']);
    const cem = connect('cem');
    jest.advanceTimersByTime(100);
    expect(told()).toEqual([{ online: ['cem'] }]);
    connections.remove(cem);
    jest.advanceTimersByTime(950);
    connect('ann');
    connect('bob');
    jest.advanceTimersByTime(100);
    expect(told()).toEqual([{ online: ['ann', 'bob'] }, { offline: ['cem'] }]);
    jest.advanceTimersByTime(10_000);
    expect(told()).toEqual([]);
  });

  it('add up, count nobody twice, and end for some or for all', () => {
    watches.watch(device, ['ann', 'bob']);
    expect(watches.watch(device, ['bob', 'cem', 'cem'])).toMatchObject({ online: [] });
    expect([watches.size, watches.of(device)]).toEqual([3, ['ann', 'bob', 'cem']]);
    watches.unwatch(device, ['bob', 'never']);
    expect([watches.size, users.size]).toEqual([2, 2]);
    connect('bob');
    connect('ann');
    watches.unwatch(device, null);
    jest.advanceTimersByTime(1000);
    expect(told()).toEqual([]);
    expect([watches.size, users.size]).toEqual([0, 0]);
  });

  it('are refused beyond the limit, all together', () => {
    watches.watch(device, ['ann', 'bob']);
    expect(watches.watch(device, ['cem', 'dan'])).toBe('limit_exceeded');
    expect(watches.of(device)).toEqual(['ann', 'bob']);
    expect(watches.watch(device, ['cem', 'ann'])).toMatchObject({ online: [] });
  });

  it('end with the connection', () => {
    watches.watch(device, ['ann']);
    connect('ann');
    connections.remove(device);
    jest.advanceTimersByTime(1000);
    expect([watches.size, users.size, told()]).toEqual([0, 0, []]);
    watches.watch(device, ['ann']);
    expect(watches.size).toBe(0);
  });

  it('of a user whom thousands watch are told in slices', () => {
    jest.useRealTimers();
    const many = Array.from({ length: 3000 }, (_, index) => connect(`w${index}`));
    for (const one of many) {
      watches.watch(one, ['ann']);
      // a slow write: the slice must end
      one.flush = () => {
        const until = performance.now() + 0.1;
        while (performance.now() < until);
      };
    }
    connect('ann');
    return new Promise<void>((resolve) => {
      const seen = new Set<number>();
      const look = (): void => {
        const count = many.filter(({ frames }) => frames.length > 0).length;
        seen.add(count);
        if (count < many.length) setImmediate(look);
        else {
          expect(seen.size).toBeGreaterThan(10);
          resolve();
        }
      };
      look();
    });
  });
});
