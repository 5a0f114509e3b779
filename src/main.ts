import { Logger, type INestApplication } from '@nestjs/common';
import type { ConfigType } from '@nestjs/config';
import { NestFactory } from '@nestjs/core';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { constants } from 'node:os';
import { suspicions } from './config/environment.js';
import { assertFree, listenProblem, urlOf } from './config/listening.js';
import { ConfigurationError } from './config/variables.js';
import { VERSION } from './config/version.js';
import { within } from './gateway/admission/time-limit.js';
import { gatewayConfig } from './gateway/gateway.config.js';
import { Grace } from './gateway/grace.js';
import { WebSocketAdapter } from './gateway/websocket.adapter.js';
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
const logger = new Logger(NAME);
const whileEnding = new LogBudget(logger);
let isLoggerConfigured = false;

async function start(): Promise<void> {
  // loaded here: the environment is read and judged while it loads
  const { AppModule } = await import('./app.module.js');
  const { knownVariables } = await import('./app.environment.js');
  const app = await NestFactory.create(AppModule, {
    bufferLogs: true,
    autoFlushLogs: false, // after the first line: `speak`, or `fail`
    abortOnError: false,
  });
  speak(app);
  for (const suspicion of suspicions(knownVariables, process.env)) logger.warn(suspicion);
  // open before the node joins the cluster, closed after it has left: probes are answered all the time
  const operations = await OperationsDoor.open(app);
  endOnSignals(app, operations);
  const { HOST: host, PORT: port } = app.get<ConfigType<typeof gatewayConfig>>(gatewayConfig.KEY);
  app.useWebSocketAdapter(new WebSocketAdapter(app));
  const doorway = { host, port, variables: { host: 'HOST', port: 'PORT' } };
  // known before others are told of this node; it stays closed until the node can serve
  await assertFree(doorway);
  try {
    await app.listen(port, host);
  } catch (error) {
    if (isEnding) throw error;
    app.get(Grace).begin();
    await app.close(); // the others are told that it goes
    throw listenProblem(error, doorway) ?? error;
  }
  logger.log(`Serving on ${urlOf((app.getHttpServer() as Server).address() as AddressInfo)}`);
}

/** Logs as configured from now on. The first line says what runs here. */
function speak(app: INestApplication): void {
  const { name, cluster } = app.get(RunningNode);
  const settings = app.get<ConfigType<typeof loggingConfig>>(loggingConfig.KEY);
  const log = new ApplicationLogger(settings, { name, nodeId: cluster.nodeId });
  log.log(`Lanfare ${VERSION} on Node ${process.version}, NODE_ENV=${process.env['NODE_ENV'] ?? ''}`, NAME);
  app.useLogger(log);
  isLoggerConfigured = true;
  app.flushLogs();
}

let isEnding = false;
let exitCode = DRAINED;
/** Drains and exits. Null: there is nobody to see off yet. */
let end: ((graceMsMax?: number) => void) | null = null;

/** The first signal drains the node; the second one ends it at once, with the shell's code for that signal. */
function endOnSignals(app: INestApplication, operations: OperationsDoor | null): void {
  const drainAndExit = (graceMsMax?: number) => {
    isEnding = true;
    app.get(Grace).begin(graceMsMax);
    drain(app, operations).then(
      () => process.exit(exitCode),
      (error: unknown) => fail(BROKEN_INVARIANT, error),
    );
  };
  end = drainAndExit;
  const onSignal = (signal: NodeJS.Signals) => {
    if (isEnding) process.exit(128 + constants.signals[signal]);
    logger.log(`${signal}: draining; a second signal ends at once`);
    drainAndExit();
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, onSignal);
}

/** Within SHUTDOWN_GRACE_MS, whoever does not want to go. */
async function drain(app: INestApplication, operations: OperationsDoor | null): Promise<void> {
  const hooks = new ShutdownHooks(app);
  const close = async () => {
    await app.close();
    await hooks.ended();
    await operations?.close();
    return true;
  };
  if (await within(app.get(Grace).left('all'), close(), false)) logger.log('Drained');
  else logger.warn('Drained; the grace is over, and what was still under way is cut');
}

/** Nobody knows what an exception that nobody caught left half done, so a new process must take over. Clients are told. */
function endBroken(error: unknown): void {
  if (end === null || error instanceof ConfigurationError) fail(BROKEN_INVARIANT, error);
  exitCode = BROKEN_INVARIANT;
  if (isEnding) {
    whileEnding.warn('exception', `Another exception that nobody caught: ${describeError(error)}`);
    return;
  }
  logger.fatal(error instanceof Error ? (error.stack ?? error.message) : describeError(error));
  logger.fatal('Nobody caught this exception: draining');
  end(BROKEN_GRACE_MS);
}

function fail(code: number, error: unknown): never {
  if (!isLoggerConfigured) Logger.overrideLogger(new ApplicationLogger(loggingUnjudged(process.env)));
  Logger.flush();
  if (error instanceof ConfigurationError) {
    // thrown while the modules load, where Node may report it before start() has seen it
    logger.fatal(`The configuration is not valid; nothing was started.\n${error.message}`);
    process.exit(COULD_NOT_START);
  }
  logger.fatal(error instanceof Error ? (error.stack ?? error.message) : String(error));
  process.exit(code);
}

// whoever reads the log may go away (EPIPE): that must not end a node that serves
for (const output of [process.stdout, process.stderr]) output.on('error', () => undefined);
process.on('uncaughtException', endBroken);
process.on('unhandledRejection', (reason) => {
  if (reason instanceof ConfigurationError) fail(COULD_NOT_START, reason);
  // it was waited for by nobody, so nobody goes on with something half done: what floats in a module ends no node
  moduleFailed('rejection', 'A promise that nobody awaits', reason);
});

start().catch((error: unknown) => {
  // a start that a signal interrupts fails where it was: the node ends as the signal says
  if (isEnding) logger.debug(`The start was interrupted: ${String(error)}`);
  else fail(COULD_NOT_START, error);
});
