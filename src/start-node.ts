import { Logger, type DynamicModule, type INestApplication, type Type } from '@nestjs/common';
import type { ConfigType } from '@nestjs/config';
import { NestFactory } from '@nestjs/core';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { constants } from 'node:os';
import type { Feature } from './config/environment.js';
import { assertFree, listenProblem, urlOf } from './config/listening.js';
import { ConfigurationError } from './config/variables.js';
import { version } from './config/version.js';
import { PublicHttpAdapter } from './gateway/admission/public-http.adapter.js';
import { within } from './gateway/limits/within.js';
import { gatewayConfig } from './gateway/gateway.config.js';
import { Grace } from './gateway/grace.js';
import { GatewayAdapter } from './gateway/gateway.adapter.js';
import { environmentSuspicions, judgeEnvironment } from './lanfare.environment.js';
import { OperationsDoor } from './operations/operations-door.js';
import { RunningNode } from './operations/running-node.js';
import { ShutdownHooks } from './shutdown-hooks.js';
import { ApplicationLogger } from './telemetry/application-logger.js';
import { describeError } from './telemetry/excerpt.js';
import { LogBudget } from './telemetry/log-budget.js';
import { loggingConfig, loggingUnjudged } from './telemetry/logging.config.js';
import { moduleFailed } from './telemetry/module-failures.js';

const DRAINED = 0;
const COULD_NOT_START = 1;
/** EX_SOFTWARE of sysexits.h. */
const BROKEN_INVARIANT = 70;
/** SHUTDOWN_GRACE_MS, but not longer, where nobody knows in which state the process is. */
const BROKEN_GRACE_MS = 5_000;

const NAME = 'Lanfare';

export interface NodeOptions {
  /** The application's own environment variables: they are judged together with Lanfare's. */
  readonly variables?: readonly Feature[];
}

/**
 * Starts an application whose root module imports `LanfareModule`, as this process: reads and judges the environment,
 * opens both doors, and drains on SIGTERM, SIGINT and SIGHUP. A start that fails prints why, every bad variable
 * included, and ends the process with 1.
 *
 * @returns the application, once it serves
 */
export async function startNode(
  module: Type<unknown> | DynamicModule,
  { variables = [] }: NodeOptions = {},
): Promise<INestApplication> {
  return new NodeLife().start(module, variables);
}

/** One node in the life of this process, which ends with it. */
class NodeLife {
  readonly #logger = new Logger(NAME);
  readonly #whileEnding = new LogBudget(this.#logger);
  #isLoggerConfigured = false;
  #isEnding = false;
  #exitCode = DRAINED;
  /** Drains and exits. Null: there is nobody to see off yet. */
  #end: ((graceMsMax?: number) => void) | null = null;

  async start(
    module: Type<unknown> | DynamicModule,
    variables: readonly Feature[],
  ): Promise<INestApplication> {
    this.#watchProcess();
    try {
      judgeEnvironment(process.env, variables);
      return await this.#open(module, variables);
    } catch (error) {
      if (!this.#isEnding) this.#fail(COULD_NOT_START, error);
      // a start that a signal interrupts fails where it was: the node ends as the signal says
      this.#logger.debug(`The start was interrupted: ${String(error)}`);
      return new Promise(() => undefined);
    }
  }

  async #open(
    module: Type<unknown> | DynamicModule,
    variables: readonly Feature[],
  ): Promise<INestApplication> {
    const app = await NestFactory.create(module, new PublicHttpAdapter(), {
      bufferLogs: true,
      autoFlushLogs: false, // after the first line: `#speak`, or `#fail`
      abortOnError: false,
    });
    this.#speak(app);
    for (const suspicion of environmentSuspicions(process.env, variables)) this.#logger.warn(suspicion);
    // open before the node joins the cluster, closed after it has left: probes are answered all the time
    const operations = await OperationsDoor.open(app);
    this.#endOnSignals(app, operations);
    const { HOST: host, PORT: port } = app.get<ConfigType<typeof gatewayConfig>>(gatewayConfig.KEY);
    app.useWebSocketAdapter(new GatewayAdapter(app));
    const doorway = { host, port, variables: { host: 'HOST', port: 'PORT' } };
    // known before others are told of this node; it stays closed until the node can serve
    await assertFree(doorway);
    try {
      await app.listen(port, host);
    } catch (error) {
      if (this.#isEnding) throw error;
      app.get(Grace).begin();
      await app.close(); // the others are told that it goes
      throw listenProblem(error, doorway) ?? error;
    }
    this.#logger.log(`Serving on ${urlOf((app.getHttpServer() as Server).address() as AddressInfo)}`);
    return app;
  }

  /** Logs as configured from now on. The first line says what runs here. */
  #speak(app: INestApplication): void {
    const { name, cluster } = app.get(RunningNode);
    const settings = app.get<ConfigType<typeof loggingConfig>>(loggingConfig.KEY);
    const log = new ApplicationLogger(settings, { name, nodeId: cluster.nodeId });
    log.log(
      `Lanfare ${version()} on Node ${process.version}, NODE_ENV=${process.env['NODE_ENV'] ?? ''}`,
      NAME,
    );
    app.useLogger(log);
    this.#isLoggerConfigured = true;
    app.flushLogs();
  }

  /** The first signal drains the node; the second one ends it at once, with the shell's code for that signal. */
  #endOnSignals(app: INestApplication, operations: OperationsDoor | null): void {
    const drainAndExit = (graceMsMax?: number) => {
      this.#isEnding = true;
      app.get(Grace).begin(graceMsMax);
      this.#drain(app, operations).then(
        () => process.exit(this.#exitCode),
        (error: unknown) => this.#fail(BROKEN_INVARIANT, error),
      );
    };
    this.#end = drainAndExit;
    const onSignal = (signal: NodeJS.Signals) => {
      if (this.#isEnding) process.exit(128 + constants.signals[signal]);
      this.#logger.log(`${signal}: draining; a second signal ends at once`);
      drainAndExit();
    };
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, onSignal);
  }

  /** Within SHUTDOWN_GRACE_MS, whoever does not want to go. */
  async #drain(app: INestApplication, operations: OperationsDoor | null): Promise<void> {
    const hooks = new ShutdownHooks(app);
    const close = async () => {
      await app.close();
      await hooks.ended();
      await operations?.close();
      return true;
    };
    if (await within(app.get(Grace).left('all'), close(), false)) this.#logger.log('Drained');
    else this.#logger.warn('Drained; the grace is over, and what was still under way is cut');
  }

  #watchProcess(): void {
    // whoever reads the log may go away (EPIPE): that must not end a node that serves
    for (const output of [process.stdout, process.stderr]) output.on('error', () => undefined);
    process.on('uncaughtException', (error) => this.#endBroken(error));
    process.on('unhandledRejection', (reason) => {
      // it was waited for by nobody, so nobody goes on with something half done: what floats in a module ends no node
      moduleFailed('rejection', 'A promise that nobody awaits', reason);
    });
  }

  /** Nobody knows what an exception that nobody caught left half done, so a new process must take over. Clients are told. */
  #endBroken(error: unknown): void {
    if (this.#end === null) this.#fail(BROKEN_INVARIANT, error);
    this.#exitCode = BROKEN_INVARIANT;
    if (this.#isEnding) {
      this.#whileEnding.warn('exception', `Another exception that nobody caught: ${describeError(error)}`);
      return;
    }
    this.#logger.fatal(error instanceof Error ? (error.stack ?? error.message) : describeError(error));
    this.#logger.fatal('Nobody caught this exception: draining');
    this.#end(BROKEN_GRACE_MS);
  }

  #fail(code: number, error: unknown): never {
    if (!this.#isLoggerConfigured) Logger.overrideLogger(new ApplicationLogger(loggingUnjudged(process.env)));
    Logger.flush();
    if (error instanceof ConfigurationError) {
      this.#logger.fatal(`The configuration is not valid; nothing was started.\n${error.message}`);
    } else {
      this.#logger.fatal(error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
    process.exit(code);
  }
}
