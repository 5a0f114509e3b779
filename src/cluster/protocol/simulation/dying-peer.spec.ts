import { describe, expect, it } from '@jest/globals';
import { TIMING } from '../options.js';
import { calmWorld } from './calm-world.js';
import type { World } from './world.js';

const HOSTS = 4;
const JOINS_PER_MS = 2;

/** Two nodes take two thousand connections a second each. */
const storm = (world: World): void => {
  let users = 0;
  const join = (): void => {
    for (const { running } of world.hosts.slice(0, 2)) {
      running?.process.enqueue((_node, now) => {
        for (let count = 0; count < JOINS_PER_MS; count++) running.application.join(now, `user-${users++}`);
      });
    }
    world.schedule.after(1, join);
  };
  join();
};

const readyShare = (world: World, sinceDevice: number): number => {
  const devices = world.hosts
    .flatMap(({ running }) => running?.application.devices ?? [])
    .filter(({ id }) => id >= sinceDevice);
  return devices.filter(({ isReady }) => isReady).length / devices.length;
};

describe('a peer that dies while thousands connect elsewhere', () => {
  const world = calmWorld(HOSTS);
  storm(world);
  world.runFor(500);
  const [victim] = world.hosts.slice(-1);
  if (victim !== undefined) world.crash(victim);

  it('costs connections no more than the barrier, once', () => {
    world.runFor(150 + 60);
    const before = world.hosts.flatMap(({ running }) => running?.application.devices ?? []);
    const newest = Math.max(...before.map(({ id }) => id));
    world.runFor(1_000);
    // Connections of the last few milliseconds may still wait.
    expect(readyShare(world, newest + 1)).toBeGreaterThan(0.99);
  });

  it('is named as late by each of them, and no other peer is', () => {
    const [first, second, third, dead] = world.boots;
    if (!first || !second || !third || !dead) throw new Error('four boots were started');
    for (const observer of [first, second]) {
      expect(world.timeline.describe(observer, dead)).toContain('late');
      for (const living of [first, second, third]) {
        if (living !== observer) expect(world.timeline.describe(observer, living)).not.toContain('late');
      }
    }
  });

  it('is lost within its time, and then all is as before', () => {
    world.runFor(TIMING.deadAfterMs);
    const { running } = world.hosts[0] ?? {};
    const peers = running?.process.node.peers() ?? [];
    expect(peers.map(({ state }) => state)).toEqual(['up', 'up']);
    expect(world.overruns()).toBe(0);
  });
});
