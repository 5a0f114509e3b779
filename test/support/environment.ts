import { randomBytes, randomInt } from 'node:crypto';
import type { Environment } from '../../src/config/variables.js';

/** Nodes that share these are a cluster; tests that each make their own do not hear each other. */
export function clusterEnvironment(overrides: Environment = {}): Environment {
  return {
    CLUSTER_NAME: `test-${randomBytes(6).toString('hex')}`,
    CLUSTER_SECRET: randomBytes(32).toString('hex'),
    // below the kernel's ephemeral range, so that no client socket holds it
    UDP_PORT: String(randomInt(10_000, 32_000)),
    ...overrides,
  };
}

/** What every node of a test has unless it says otherwise. */
export const nodeEnvironment: Environment = {
  HOST: '127.0.0.1',
  PORT: '0',
  OPS_PORT: '0',
  AUTH_MODE: 'insecure',
  WS_ALLOWED_ORIGINS: '*',
  LOG_LEVEL: 'warn',
};
