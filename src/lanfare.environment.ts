import { authenticationVariables } from './authentication/authentication.config.js';
import { natsVariables } from './broker/nats.config.js';
import { redisVariables } from './broker/redis.config.js';
import { clusterVariables, isBrokered } from './cluster/cluster.config.js';
import { readEnvironment, suspicions, validateEnvironment, type Feature } from './config/environment.js';
import type { Environment } from './config/variables.js';
import { gatewayVariables } from './gateway/gateway.config.js';
import { presenceVariables } from './presence/presence.config.js';
import { roomsVariables } from './rooms/rooms.config.js';
import { operationsVariables } from './operations/operations.config.js';
import { loggingVariables } from './telemetry/logging.config.js';
import { udpBroadcastVariables } from './udp-broadcast/udp-broadcast.config.js';
import { workersVariables } from './workers/workers.config.js';

/** Every variable of the application, by the feature that owns it, under the title it has in the documentation. */
export const featuresByTitle = {
  'Public door': gatewayVariables,
  Authentication: authenticationVariables,
  Rooms: roomsVariables,
  Presence: presenceVariables,
  Cluster: clusterVariables,
  UDP: udpBroadcastVariables,
  NATS: natsVariables,
  Redis: redisVariables,
  "Operators' door": operationsVariables,
  Workers: workersVariables,
  Logging: loggingVariables,
} as const;

export const features = Object.values(featuresByTitle);

/** Variables that have a meaning and belong to no feature. */
const OTHER_NAMES = ['NODE_ENV', 'ENV_FILE'];

export const knownVariables = [...features.flatMap(({ shape }) => Object.keys(shape)), ...OTHER_NAMES];

/**
 * Adds the values of the environment files to `env`, and checks all variables at once.
 *
 * @param own a team's own variables, checked with the rest
 * @throws {ConfigurationError} that names every bad variable
 */
export function judgeEnvironment(env: NodeJS.ProcessEnv, own: readonly Feature[] = []): void {
  const problems = readEnvironment(env, namesWith(own));
  validateEnvironment([...features, ...own], env, problems);
}

/** Checks a worker's environment. No files are read: its primary has read them. */
export function judgeWorkersEnvironment(env: Environment, own: readonly Feature[] = []): void {
  validateEnvironment([...features, ...own], env);
}

/** What is probably a mistake in the environment, for people. */
export function environmentSuspicions(env: Environment, own: readonly Feature[] = []): string[] {
  return [...suspicions(namesWith(own), env), ...unused(env)];
}

/** What is set, and has no meaning beside what else is. */
function unused(env: Environment): string[] {
  if (!isBrokered(env)) return [];
  const names = Object.keys(udpBroadcastVariables.shape).filter((name) => env[name]);
  return names.length === 0 ? [] : [`Not used with CLUSTER_BUS=${env['CLUSTER_BUS']}: ${names.join(', ')}`];
}

function namesWith(own: readonly Feature[]): string[] {
  return [...knownVariables, ...own.flatMap(({ shape }) => Object.keys(shape))];
}
