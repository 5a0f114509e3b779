import { Logger } from '@nestjs/common';
import cluster from 'node:cluster';
import { constants } from 'node:os';
import { BROKEN_INVARIANT, COULD_NOT_START } from '../config/exit-codes.js';
import { assertFree } from '../config/listening.js';
import { ConfigurationError, type Environment } from '../config/variables.js';
import { version } from '../config/version.js';
import { gatewayVariables } from '../gateway/gateway.config.js';
import { operationsSettings } from '../operations/operations.config.js';
import { openAtOpsPort } from '../operations/ops-port.js';
import { ApplicationLogger } from '../telemetry/application-logger.js';
import { stackOf } from '../telemetry/excerpt.js';
import { loggingVariables } from '../telemetry/logging.config.js';
import { sumsOfLimits } from './sums-of-limits.js';
import { Supervisor } from './supervisor.js';
import { nodeName } from './worker-environment.js';
import { workersWanted } from './workers.config.js';
import { WorkersDoor } from './workers-door.js';

interface PrimaryOptions {
  /** Reads and checks the environment anew. Throws ConfigurationError. */
  readonly readEnvironment: () => Environment;
  /** What is probably a mistake in it, for people. */
  readonly suspicions: (env: Environment) => string[];
}

/** This process as the primary of its workers: it holds the operators' door and the signals, and ends with them. */
export class Primary {
  readonly #logger = new Logger('Lanfare');

  constructor(private readonly options: PrimaryOptions) {}

  /** Never resolves: the process ends with it. */
  async run(): Promise<never> {
    try {
      await this.#start(this.options.readEnvironment());
    } catch (error) {
      this.#fail(COULD_NOT_START, error);
    }
    return new Promise(() => undefined);
  }

  async #start(env: Environment): Promise<void> {
    const count = workersWanted(env);
    Logger.overrideLogger(new ApplicationLogger(loggingVariables.parse(env), { name: nodeName(env) }));
    this.#logger.log(
      `Lanfare ${version()} on Node ${process.version}, NODE_ENV=${env['NODE_ENV'] ?? ''}: ${count} workers`,
    );
    for (const suspicion of this.options.suspicions(env)) this.#logger.warn(suspicion);
    this.#logger.log(sumsOfLimits(env, count));
    const { HOST: host, PORT: port } = gatewayVariables.parse(env);
    await assertFree({ host, port, variables: { host: 'HOST', port: 'PORT' } });
    // set even if NODE_CLUSTER_SCHED_POLICY differs: shared listening sockets reset waiting clients when a worker ends
    cluster.schedulingPolicy = cluster.SCHED_RR;
    const supervisor = new Supervisor(env, count, {
      readEnvironment: this.options.readEnvironment,
      fork: (env) => cluster.fork(env),
      exit: (code) => process.exit(code),
      graceMs: (env) => gatewayVariables.parse(env).SHUTDOWN_GRACE_MS,
    });
    await openAtOpsPort(operationsSettings(env), async (where) => WorkersDoor.open(supervisor, where));
    this.#watchProcess(supervisor);
    await supervisor.start();
  }

  #watchProcess(supervisor: Supervisor): void {
    // the reader of the log may go away (EPIPE): that must not end a primary whose workers serve
    for (const output of [process.stdout, process.stderr]) output.on('error', () => undefined);
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (supervisor.isEnding) supervisor.kill(128 + constants.signals[signal]);
        this.#logger.log(`${signal}: all workers drain; a second signal ends at once`);
        supervisor.end();
      });
    }
    process.on('SIGHUP', () => {
      this.#logger.log('SIGHUP: replacing the workers one by one');
      void supervisor.replace();
    });
    const broken = (error: unknown) => {
      this.#logger.fatal(stackOf(error));
      supervisor.end(BROKEN_INVARIANT);
    };
    process.on('uncaughtException', broken);
    process.on('unhandledRejection', broken);
  }

  #fail(code: number, error: unknown): never {
    if (error instanceof ConfigurationError) {
      this.#logger.fatal(`The configuration is not valid; nothing was started.\n${error.message}`);
    } else {
      this.#logger.fatal(stackOf(error));
    }
    process.exit(code);
  }
}
