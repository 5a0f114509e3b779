/** A world without faults and clients, for specs that add their own. All nodes run, with the default options. */
import { LIMITS, TIMING } from '../options.js';
import { CALM } from './conditions.js';
import { Random } from './random.js';
import { drawScenario } from './swarm.js';
import { World } from './world.js';

const SETTLED_MS = 4_000;

const PACE = {
  turnMs: 0.05,
  datagramMs: 0.01,
  datagramsPerTurn: 32,
  timerLagMs: 0.5,
  receiveBufferBytes: 425_984,
  ownSocketFirst: false,
};

export function calmWorld(hosts: number): World {
  const random = new Random(1);
  const world = new World(
    {
      ...drawScenario(random, {}),
      kind: 'calm',
      mode: 'broadcast',
      hosts,
      foreignHosts: 0,
      realCipher: false,
      isRotating: false,
      timing: TIMING,
      limits: LIMITS,
      datagramBytes: 1_200,
      datagramBytesMax: 32_768,
      frameBytes: 1_500,
      filter: null,
      messageBytesMax: 65_536,
      conditions: CALM,
      firewall: null,
      paces: Array.from({ length: hosts }, () => PACE),
    },
    random,
  );
  for (const host of world.hosts) world.boot(host);
  world.runFor(SETTLED_MS);
  return world;
}
