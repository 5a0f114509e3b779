import { defaultNodeName } from '../cluster/cluster.config.js';
import type { Environment } from '../config/variables.js';
import { WORKER_NUMBER, workersUdpPorts } from './workers.config.js';

const NAME_CHARACTERS_MAX = 64;

/**
 * The environment of the worker with this number: the primary's, with the values that each worker must have for itself.
 *
 * @param env judged
 * @param udpPort the UDP port of this worker; null: any free one
 */
export function workerEnvironment(env: Environment, number: number, udpPort: number | null): Environment {
  const suffix = `/${number}`;
  const name = nodeName(env).slice(0, NAME_CHARACTERS_MAX - suffix.length) + suffix;
  const own = workersUdpPorts(env, 1);
  return {
    ...env,
    NODE_NAME: name,
    [WORKER_NUMBER]: String(number),
    ...(own === null || udpPort === null ? {} : { [own.variable]: String(udpPort) }),
  };
}

/** NODE_NAME, or its default. */
export function nodeName(env: Environment): string {
  return env['NODE_NAME'] ?? defaultNodeName(env);
}
