import { describe, expect, it } from '@jest/globals';
import { TIMING } from '../options.js';
import { calmWorld } from './calm-world.js';
import type { Host } from './host.js';
import { SCHEDULES } from './schedules.js';
import type { World } from './world.js';

const hostAt = (world: World, index: number): Host => {
  const host = world.hosts[index];
  if (host === undefined) throw new RangeError(`there is no host ${index}`);
  return host;
};

const peersOf = (world: World, index: number): string[] =>
  hostAt(world, index)
    .running?.process.node.peers()
    .map(({ name, state }) => `${name} ${state}`) ?? [];

describe('a node that slept long', () => {
  it('drops nobody, though it heard nobody meanwhile', () => {
    const world = calmWorld(3);
    world.pause(hostAt(world, 0), 3 * TIMING.deadAfterMs, false);
    world.runFor(3 * TIMING.deadAfterMs + 2_000);
    const [sleeper, ...others] = world.boots;
    for (const other of others) {
      if (sleeper === undefined) throw new Error('three boots were started');
      expect(world.timeline.describe(sleeper, other)).not.toContain(`#${sleeper.index} lost-peer`);
    }
    expect(peersOf(world, 0).toSorted()).toEqual(['node-1 up', 'node-2 up']);
    expect(peersOf(world, 1).toSorted()).toEqual(['node-0 up', 'node-2 up']);
  });
});

describe('a datagram that was recorded but never arrived', () => {
  it('does not bring its dead sender back to life', () => {
    const world = calmWorld(3);
    const { network, schedule } = world;
    const [receiver, sender] = [hostAt(world, 0), hostAt(world, 2)];
    receiver.running?.process.enqueue((_node, now) => receiver.running?.application.join(now, 'user-1'));
    world.runFor(500);

    const recorded: Buffer[] = [];
    network.intercept((from, { bytes, to }) => {
      if (from === sender && to === receiver.running?.process.endpoint) recorded.push(Buffer.from(bytes));
      return false;
    });
    network.block(2, 0, true);
    sender.running?.process.enqueue((_node, now) => {
      sender.running?.application.send(now, 'user-1', null, 50, false);
    });
    world.runFor(300);
    expect(recorded.length).toBeGreaterThan(0);
    world.crash(sender);
    network.mend();
    world.runFor(2 * TIMING.deadAfterMs);
    expect(peersOf(world, 0)).toEqual(['node-1 up']);

    for (const bytes of recorded) receiver.deliver('own', bytes, '10.9.9.9:6666');
    schedule.runUntil(schedule.now + 500);
    expect(peersOf(world, 0)).toEqual(['node-1 up']);
  });
});

describe('presence', () => {
  it.each(Object.entries(SCHEDULES).filter(([name]) => name.startsWith('presence')))(
    'keeps to %s',
    (_name, run) => {
      expect(run).not.toThrow();
    },
  );
});

describe('a report that was overtaken', () => {
  it('does not keep its dead sender alive', () => {
    expect(SCHEDULES.overtakenReport).not.toThrow();
  });
});

describe('a message to a room', () => {
  it('is kept for a holder that has no session yet', () => {
    expect(SCHEDULES.holderWithoutSession).not.toThrow();
  });

  it('is not delivered by a holder that slept, was dropped, and was not asked', () => {
    expect(SCHEDULES.sleepingHolderDropped).not.toThrow();
  });

  it('comes once to a holder that was dropped and is met anew', () => {
    expect(SCHEDULES.holderMetAnew).not.toThrow();
  });

  it('comes once to a holder that was suspended for long, and is met anew', () => {
    expect(SCHEDULES.suspendedHolderMetAnew).not.toThrow();
  });
});

describe('a message to a user', () => {
  it('arrives though the user connected before a session that took long to begin', () => {
    expect(SCHEDULES.lateWelcome).not.toThrow();
  });
});

describe('messages that are kept for a peer', () => {
  it('are not taken for delivered because its HELLO tells of a session that is over', () => {
    expect(SCHEDULES.helloOfAForgottenSession).not.toThrow();
  });
});
