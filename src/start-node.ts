import type { DynamicModule, INestApplication, Type } from '@nestjs/common';
import cluster from 'node:cluster';
import type { Feature } from './config/environment.js';
import { ConfigurationError, type Environment } from './config/variables.js';
import { environmentSuspicions, judgeEnvironment } from './lanfare.environment.js';
import { NodeLife } from './node-life.js';
import { freeBuffersSoon } from './short-lived-buffers.js';
import { Primary } from './workers/primary.js';
import { workersWanted } from './workers/workers.config.js';

export interface NodeOptions {
  /** The application's own environment variables. They are checked together with Lanfare's. */
  readonly variables?: readonly Feature[];
}

/**
 * Starts an application whose root module imports `LanfareModule`, as this process: reads and checks the environment,
 * opens both doors, and drains on SIGTERM, SIGINT and SIGHUP. When a start fails, it prints why, with every bad
 * variable, and ends the process with 1.
 *
 * With WORKERS of more than one this process becomes their primary: it starts so many processes of the same program,
 * and each of them is a node. What the program does before `startNode` is done in all of them.
 *
 * @returns the application, once it serves. In a primary the promise stays pending: it has no application
 */
export async function startNode(
  module: Type<unknown> | DynamicModule,
  { variables = [] }: NodeOptions = {},
): Promise<INestApplication> {
  freeBuffersSoon();
  const readEnvironment = () => {
    // a copy of process.env: workers must not inherit a value that a file no longer has
    const env = { ...process.env };
    judgeEnvironment(env, variables);
    return env;
  };
  if (cluster.isPrimary && isForWorkers(readEnvironment)) {
    const suspicions = (env: Environment) => environmentSuspicions(env, variables);
    return new Primary({ readEnvironment, suspicions }).run();
  }
  return new NodeLife().start(module, variables);
}

/** With a bad environment the answer is false: then a single node reports the problems. */
function isForWorkers(readEnvironment: () => NodeJS.ProcessEnv): boolean {
  try {
    return workersWanted(readEnvironment()) > 1;
  } catch (error) {
    if (error instanceof ConfigurationError) return false;
    throw error;
  }
}
