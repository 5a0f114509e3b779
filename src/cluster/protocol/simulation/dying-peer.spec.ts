import { LIMITS, TIMING } from '../options.js';
import { CALM } from './network.js';
import { Random } from './random.js';
import { drawScenario, type Scenario } from './scenario.js';
import { World } from './world.js';

const HOSTS = 4;
const JOINS_PER_MS = 2;

const pace = {
  turnMs: 0.05,
  datagramMs: 0.01,
  datagramsPerTurn: 32,
  timerLagMs: 0.5,
  receiveBufferBytes: 425_984,
  ownSocketFirst: false,
};

const calmWorld = (): World => {
  const random = new Random(1);
  const scenario: Scenario = {
    ...drawScenario(random, {}),
    kind: 'calm',
    mode: 'broadcast',
    hosts: HOSTS,
    foreignHosts: 0,
    realCipher: false,
    isRotating: false,
    timing: TIMING,
    limits: LIMITS,
    datagramBytes: 1_200,
    messageBytesMax: 65_536,
    conditions: CALM,
    paces: Array.from({ length: HOSTS }, () => pace),
  };
  const world = new World(scenario, random);
  for (const host of world.hosts) world.boot(host);
  world.runFor(4_000);
  return world;
};

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
  const world = calmWorld();
  storm(world);
  world.runFor(500);
  const [victim] = world.hosts.slice(-1);
  if (victim !== undefined) world.crash(victim);

  it('costs connections no more than the barrier, once', () => {
    world.runFor(150 + 60);
    const before = world.hosts.flatMap(({ running }) => running?.application.devices ?? []);
    const newest = Math.max(...before.map(({ id }) => id));
    world.runFor(1_000);
    // Those of the last few milliseconds may be on their way.
    expect(readyShare(world, newest + 1)).toBeGreaterThan(0.99);
  });

  it('is named as late by each of them, and nobody else is', () => {
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
