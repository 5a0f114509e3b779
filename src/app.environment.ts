import { authenticationVariables } from './authentication/authentication.config.js';
import { clusterVariables } from './cluster/cluster.config.js';
import { readEnvironment, validateEnvironment } from './config/environment.js';
import { gatewayVariables } from './gateway/gateway.config.js';
import { operationsVariables } from './operations/operations.config.js';
import { loggingVariables } from './telemetry/logging.config.js';
import { udpBroadcastVariables } from './udp-broadcast/udp-broadcast.config.js';

/** Every variable of the application, by the feature that owns it, under the title it has in the documentation. */
export const featuresByTitle = {
  'Public door': gatewayVariables,
  Authentication: authenticationVariables,
  Cluster: clusterVariables,
  UDP: udpBroadcastVariables,
  "Operators' door": operationsVariables,
  Logging: loggingVariables,
} as const;

export const features = Object.values(featuresByTitle);

/** Names with a meaning that no feature owns. */
const OTHER_NAMES = ['NODE_ENV', 'ENV_FILE'];

export const knownVariables = [...features.flatMap(({ shape }) => Object.keys(shape)), ...OTHER_NAMES];

/** Options of ConfigModule.forRoot: `env` with what the files add to it, and the check of everything at once. */
export function environmentOptions(env: NodeJS.ProcessEnv) {
  const problems = readEnvironment(env, knownVariables);
  return {
    ignoreEnvFile: true,
    validate: (merged: Record<string, string | undefined>) => {
      validateEnvironment(features, merged, problems);
      return merged;
    },
  };
}
