import { Logger, type DynamicModule, type INestApplication, type Type } from '@nestjs/common';
import type { ConfigType } from '@nestjs/config';
import { NestFactory } from '@nestjs/core';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { constants } from 'node:os';
import type { Feature } from './config/environment.js';
import { BROKEN_INVARIANT, COULD_NOT_START, DRAINED } from './config/exit-codes.js';
import { assertFree, listenProblem, urlOf } from './config/listening.js';
import { ConfigurationError } from './config/variables.js';
import { version } from './config/version.js';
import { PublicHttpAdapter } from './gateway/admission/public-http.adapter.js';
import { Visitors } from './gateway/admission/visitors.js';
import { within } from './waiting/within.js';
import { gatewayConfig } from './gateway/gateway.config.js';
import { Grace } from './gateway/grace.js';
import { GatewayAdapter } from './gateway/gateway.adapter.js';
import { environmentSuspicions, judgeEnvironment, judgeWorkersEnvironment } from './lanfare.environment.js';
import { OperationsDoor } from './operations/operations-door.js';
import { RunningNode } from './operations/running-node.js';
import { ShutdownHooks } from './shutdown-hooks.js';
import { ApplicationLogger } from './telemetry/application-logger.js';
import { describeError, stackOf } from './telemetry/excerpt.js';
import { LogBudget } from './telemetry/log-budget.js';
import { loggingConfig, loggingUnjudged } from './telemetry/logging.config.js';
import { moduleFailed } from './telemetry/module-failures.js';
import { PrimaryLink } from './workers/primary-link.js';
import { openWorkerDoor } from './workers/open-worker-door.js';

/** The longest grace after a broken invariant, when the state of the process is not known. */
const BROKEN_GRACE_MS = 5_000;
/** How long a worker that is replaced waits for clients that are at its door already, before it closes all clients. */
const HAND_OVER_MS = 1_000;

const NAME = 'Lanfare';

/** One node, whose life ends with this process. The process may be one of several: a worker of a primary. */
export class NodeLife {
  readonly #logger = new Logger(NAME);
  readonly #whileEnding = new LogBudget(this.#logger);
  #isLoggerConfigured = false;
  #isEnding = false;
  #exitCode = DRAINED;
  /** Null: there is no primary. */
  #primary: PrimaryLink | null = null;
  /** Drains and exits. Null: there are no clients to drain yet. */
  #end: ((graceMsMax?: number) => void) | null = null;
  /** The same, but new clients go to the other workers from now on. Null: it does not serve yet. */
  #handOver: (() => Promise<void>) | null = null;

  async start(
    module: Type<unknown> | DynamicModule,
    variables: readonly Feature[],
  ): Promise<INestApplication> {
    this.#watchProcess();
    try {
      this.#primary = this.#findPrimary();
      if (this.#primary === null) judgeEnvironment(process.env, variables);
      else judgeWorkersEnvironment(process.env, variables);
      return await this.#open(module, variables);
    } catch (error) {
      if (!this.#isEnding) this.#fail(COULD_NOT_START, error);
      // a signal has interrupted the start, which fails because of it: the node ends as the signal says
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
      autoFlushLogs: false, // the log is flushed after its first line, by `#speak` or `#fail`
      abortOnError: false,
    });
    this.#speak(app);
    // a primary has logged these once for all workers
    const suspicions = this.#primary === null ? environmentSuspicions(process.env, variables) : [];
    for (const suspicion of suspicions) this.#logger.warn(suspicion);
    // open before the node joins the cluster, closed after it has left: probes are answered all the time
    const operations =
      this.#primary === null ? await OperationsDoor.open(app) : await openWorkerDoor(app, this.#primary);
    this.#endOnSignals(app, operations);
    const { HOST: host, PORT: port } = app.get<ConfigType<typeof gatewayConfig>>(gatewayConfig.KEY);
    app.useWebSocketAdapter(new GatewayAdapter(app));
    const doorway = { host, port, variables: { host: 'HOST', port: 'PORT' } };
    // checked before other nodes hear of this node. The port opens when the node can serve. A primary holds it already
    if (this.#primary === null) await assertFree(doorway);
    try {
      await app.listen(port, host);
    } catch (error) {
      if (this.#isEnding) throw error;
      app.get(Grace).begin();
      await app.close(); // so that the other nodes are told that this one leaves
      throw listenProblem(error, doorway) ?? error;
    }
    this.#logger.log(`Serving on ${urlOf((app.getHttpServer() as Server).address() as AddressInfo)}`);
    this.#handOver = async () => {
      (app.getHttpServer() as Server).close();
      await app.get(Visitors).allGone(HAND_OVER_MS);
    };
    this.#primary?.tell({ lanfare: 'serving' });
    return app;
  }

  #findPrimary(): PrimaryLink | null {
    const end = () => {
      if (this.#end === null) process.exit(DRAINED);
      this.#end();
    };
    const link = PrimaryLink.open({
      retire: () => {
        this.#logger.log('Replaced: draining');
        void (this.#handOver?.() ?? Promise.resolve()).then(end);
      },
      lost: () => {
        if (!this.#isEnding) this.#logger.error('The primary has gone: draining');
        end();
      },
    });
    if (link === null) return null;
    // a terminal sends these signals to all processes: the primary decides what they mean for the workers
    for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
    return link;
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
      if (this.#isEnding) return;
      this.#isEnding = true;
      this.#primary?.tell({ lanfare: 'leaving' });
      app.get(Grace).begin(graceMsMax);
      this.#drain(app, operations).then(
        () => process.exit(this.#exitCode),
        (error: unknown) => this.#fail(BROKEN_INVARIANT, error),
      );
    };
    this.#end = drainAndExit;
    if (this.#primary !== null) {
      this.#endAsPrimarySays(drainAndExit);
      return;
    }
    const onSignal = (signal: NodeJS.Signals) => {
      if (this.#isEnding) process.exit(128 + constants.signals[signal]);
      this.#logger.log(`${signal}: draining; a second signal ends at once`);
      drainAndExit();
    };
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, onSignal);
  }

  /** A primary sends SIGTERM, once. A supervisor may send it to all processes too. */
  #endAsPrimarySays(drain: () => void): void {
    process.on('SIGTERM', () => {
      if (!this.#isEnding) this.#logger.log('SIGTERM: draining');
      drain();
    });
  }

  /** Takes no longer than SHUTDOWN_GRACE_MS, even if some clients do not go. */
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
    // the reader of the log may go away (EPIPE): that must not end a node that serves
    for (const output of [process.stdout, process.stderr]) output.on('error', () => undefined);
    process.on('uncaughtException', (error) => this.#endBroken(error));
    process.on('unhandledRejection', (reason) => {
      // nothing waits for this promise, so nothing continues with half-done work: the node need not end
      moduleFailed('rejection', 'A promise that nobody awaits', reason);
    });
  }

  /**
   * After an uncaught exception the state of the process is not known, so a new process must take over. Clients are
   * told.
   */
  #endBroken(error: unknown): void {
    if (this.#end === null) this.#fail(BROKEN_INVARIANT, error);
    this.#exitCode = BROKEN_INVARIANT;
    if (this.#isEnding) {
      this.#whileEnding.warn('exception', `Another exception that nobody caught: ${describeError(error)}`);
      return;
    }
    this.#logger.fatal(stackOf(error));
    this.#logger.fatal('Nobody caught this exception: draining');
    this.#end(BROKEN_GRACE_MS);
  }

  #fail(code: number, error: unknown): never {
    if (!this.#isLoggerConfigured) {
      const speaker = this.#primary === null ? undefined : { name: process.env['NODE_NAME'] ?? '' };
      Logger.overrideLogger(new ApplicationLogger(loggingUnjudged(process.env), speaker));
    }
    Logger.flush();
    if (error instanceof ConfigurationError) {
      this.#logger.fatal(`The configuration is not valid; nothing was started.\n${error.message}`);
    } else {
      this.#logger.fatal(error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
    process.exit(code);
  }
}
