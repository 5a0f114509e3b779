import { randomBytes } from 'node:crypto';
import type { Environment } from '../../src/config/variables.js';
import { carrierEnvironment } from './carrier.js';

/** Nodes that share these are a cluster; tests that each make their own do not hear each other. */
export function clusterEnvironment(overrides: Environment = {}): Environment {
  return {
    CLUSTER_NAME: `test-${randomBytes(6).toString('hex')}`,
    CLUSTER_SECRET: randomBytes(32).toString('hex'),
    ...carrierEnvironment(overrides['CLUSTER_BUS']),
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
