import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { MemoryNetwork, type MemoryBus } from '../cluster/bus/memory-bus.js';
import { Cluster } from '../cluster/cluster.js';
import { ConnectionRegistry } from '../connections/connection-registry.js';
import { FakeDevice } from '../connections/testing/fake-device.js';
import { Memberships } from '../rooms/memberships.js';
import type { Membership } from '../rooms/room.js';
import { RoomPresence } from './room-presence.js';

const ROOM = 'chat:42';
const GRACE_MS = 1000;

interface Told {
  readonly members?: { user_id: string; info?: string }[];
  readonly joined?: { user_id: string }[];
  readonly updated?: { user_id: string; devices: number }[];
  readonly left?: string[];
  readonly count?: { users: number; devices: number };
}

class Node {
  readonly connections = new ConnectionRegistry();
  readonly memberships: Memberships;
  readonly presence: RoomPresence;

  constructor(readonly bus: MemoryBus) {
    const cluster = new Cluster(bus);
    this.memberships = new Memberships(this.connections, cluster, {
      ROOM_ACCESS: 'open',
      ROOMS_PER_CONNECTION: 128,
      ROOMS_MEMBERSHIPS_MAX: 1000,
    });
    this.presence = new RoomPresence(this.memberships, cluster, {
      WATCHED_USERS_PER_CONNECTION: 256,
      PRESENCE_GRACE_MS: GRACE_MS,
      PRESENCE_MEMBERS_MAX: 500,
    });
    this.memberships.onModuleInit();
    this.presence.onModuleInit();
  }

  join(
    userId: string,
    wish: 'watch' | 'enter' | 'both',
    info = '',
  ): { device: FakeDevice; answers: boolean[] } {
    const device = new FakeDevice(`${userId} ${this.connections.size}`, userId);
    this.connections.add(device);
    this.memberships.join(device, ROOM, () => undefined);
    return { device, answers: this.wish(device, wish, info) };
  }

  wish(device: FakeDevice, wish: 'watch' | 'enter' | 'both', info = '', bytes: number[] = []): boolean[] {
    const answers: boolean[] = [];
    const membership = this.memberships.find(device, ROOM) as Membership;
    this.presence.wish(
      membership,
      { watches: wish !== 'enter', enters: wish !== 'watch', info },
      { done: (complete) => answers.push(complete), listed: (count) => bytes.push(count) },
    );
    return answers;
  }
}

describe('who is in a room', () => {
  let a: Node;
  let b: Node;

  beforeEach(async () => {
    jest.useFakeTimers();
    const network = new MemoryNetwork();
    const buses = ['a', 'b'].map((name) => network.node(name));
    for (const bus of buses) await bus.start();
    [a, b] = buses.map((bus) => new Node(bus)) as [Node, Node];
  });

  afterEach(() => {
    for (const { presence } of [a, b]) presence.onApplicationShutdown();
    jest.useRealTimers();
  });

  const told = ({ frames }: FakeDevice): Told[] =>
    frames.splice(0).map((frame) => (JSON.parse(frame) as { data: Told }).data);
  const namesOf = (told_: Told[]) =>
    told_.flatMap(({ members = [] }) => members.map(({ user_id }) => user_id));

  it('is answered when the other nodes have, and then listed', () => {
    b.join('bob', 'enter');
    jest.advanceTimersByTime(500);
    const { device, answers } = a.join('ann', 'both');
    expect(answers).toEqual([]);
    jest.advanceTimersByTime(10);
    expect(answers).toEqual([true]);
    jest.advanceTimersByTime(300);
    const list = told(device);
    expect(list).toHaveLength(1);
    expect(namesOf(list).sort()).toEqual(['ann', 'bob']);
  });

  it('is told in one frame for what happens within a moment, and not what was undone', () => {
    const { device } = a.join('ann', 'watch');
    jest.advanceTimersByTime(500);
    told(device);
    b.join('bob', 'enter');
    b.join('bob', 'enter');
    const { device: cem } = b.join('cem', 'enter');
    b.memberships.leave(cem, ROOM);
    jest.advanceTimersByTime(500);
    expect(told(device)).toEqual([{ room: ROOM, joined: [{ user_id: 'bob', devices: 2 }] }]);
    jest.advanceTimersByTime(10_000);
    expect(told(device)).toEqual([]);
  });

  it('is an update when the connection is lost, and `left` when the grace is over', () => {
    const { device } = a.join('ann', 'watch');
    const { device: first } = b.join('bob', 'enter');
    b.join('bob', 'enter');
    const { device: cem } = b.join('cem', 'enter');
    jest.advanceTimersByTime(500);
    told(device);
    b.connections.remove(first);
    b.connections.remove(cem);
    jest.advanceTimersByTime(GRACE_MS - 100);
    expect(told(device)).toEqual([{ room: ROOM, updated: [{ user_id: 'bob', devices: 1 }] }]);
    jest.advanceTimersByTime(1100);
    expect(told(device)).toEqual([{ room: ROOM, left: ['cem'] }]);
  });

  it('is not told any more to a client that leaves, wants no presence, or has gone', () => {
    const watchers = ['ann', 'bea', 'cyd'].map((name) => a.join(name, 'watch').device) as [
      FakeDevice,
      FakeDevice,
      FakeDevice,
    ];
    jest.advanceTimersByTime(500);
    watchers.map(told);
    a.memberships.leave(watchers[0], ROOM);
    a.wish(watchers[1], 'enter');
    a.connections.remove(watchers[2]);
    b.join('bob', 'enter');
    jest.advanceTimersByTime(6000);
    expect(watchers.map(told)).toEqual([[], [], []]);
    expect(a.presence.watchedRooms).toBe(0);
  });

  it('is asked of the other nodes once for a client that joins and leaves all the time', () => {
    b.join('bob', 'enter');
    const { device } = a.join('ann', 'watch');
    jest.advanceTimersByTime(500);
    told(device);
    const asked = jest.spyOn(a.bus, 'publishTo');
    for (let times = 0; times < 20; times++) {
      a.memberships.leave(device, ROOM);
      a.memberships.join(device, ROOM, () => undefined);
      expect(a.wish(device, 'watch')).toEqual([true]);
      jest.advanceTimersByTime(200);
      expect(namesOf(told(device))).toEqual(['bob']);
    }
    expect(asked).not.toHaveBeenCalled();
  });

  it('reaches a client that reads slowly as a new list, in place of all changes that it missed', () => {
    const { device } = a.join('ann', 'watch');
    jest.advanceTimersByTime(500);
    told(device);
    device.backlogBytes = 1 << 20;
    for (let index = 0; index < 300; index++) {
      b.join(`u${index}`, 'enter');
      jest.advanceTimersByTime(250);
    }
    expect(told(device)).toEqual([]);
    device.backlogBytes = 0;
    jest.advanceTimersByTime(1000);
    const list = told(device);
    expect(new Set(namesOf(list)).size).toBe(300);
    expect(list.filter(({ joined }) => joined !== undefined).length).toBeLessThan(50);
  });

  it('is charged by the bytes of the list', () => {
    for (let index = 0; index < 100; index++) b.join(`u${index}`, 'enter', JSON.stringify('i'.repeat(1000)));
    jest.advanceTimersByTime(500);
    const { device } = a.join('ann', 'enter');
    const bytes: number[] = [];
    a.wish(device, 'watch', '', bytes);
    jest.advanceTimersByTime(500);
    expect(namesOf(told(device))).toHaveLength(100);
    expect(bytes).toHaveLength(1);
    expect(bytes[0]).toBeGreaterThan(100_000);
  });

  it('is full of memory when it has 64 MiB, and not before', () => {
    const info = JSON.stringify('i'.repeat(1000));
    const { device } = a.join('ann', 'enter', info);
    expect(a.presence.bytes).toBeGreaterThan(1000);
    expect(a.presence.isFull).toBe(false);
    a.memberships.leave(device, ROOM);
    expect(a.presence.bytes).toBe(0);
  });
});
