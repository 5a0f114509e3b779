/** The machines of one LAN: those of the cluster under test, and neighbours that it must not notice. */
import type { Endpoint } from '../contract.js';
import { Host } from './host.js';
import type { Random } from './random.js';
import type { Scenario } from './scenario.js';

export const HOME = 'home';
export const MESH_PORT = 2_222;

export function makeHosts(scenario: Scenario, random: Random): Host[] {
  const secret = random.bytes(32);
  const other = random.bytes(32);
  const hosts = scenario.paces.map((pace, index) => new Host(index, HOME, [secret], pace));
  for (let index = 0; index < scenario.foreignHosts; index++) {
    const pace = random.pick(scenario.paces);
    // One neighbour has another secret, the next another name and, by mistake, our secret.
    const isStranger = index % 2 === 0;
    const cluster = isStranger ? 'stranger' : 'namesake';
    hosts.push(new Host(hosts.length, cluster, [isStranger ? other : secret], pace));
  }
  return hosts;
}

/** The nodes that a mesh node is told of. */
export function seedsFor(hosts: readonly Host[], mode: Scenario['mode'], random: Random): Endpoint[] {
  if (mode === 'broadcast') return [];
  // The first machine is in everybody's list, so that the lists connect all; a neighbour's may be in by mistake.
  const listed = hosts.filter(({ index }) => index === 0 || random.chance(0.4));
  return listed.map(({ address }) => `${address}:${MESH_PORT}`);
}
