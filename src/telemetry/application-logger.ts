import { ConsoleLogger } from '@nestjs/common';
import { describeError } from './excerpt.js';
import { LogBudget } from './log-budget.js';
import { levelsDownTo, type LoggingSettings } from './logging.config.js';

/** Who tells, at every start and level `log`, what the code says anyway: which modules, routes and handlers there are. */
const CHATTER = new Set([
  'InstanceLoader',
  'NestApplication',
  'NestFactory',
  'RouterExplorer',
  'RoutesResolver',
  'WebSocketsController',
]);

/** Who tells, of Nest and its adapters, what failed in one request: anybody can make as many as they like. */
const FAILED_REQUESTS = [
  'ExceptionsHandler',
  'ExpressAdapter',
  'RouterResponseController',
  'WsAdapter',
  'WsExceptionsHandler',
];

/** As many digits of the node's id as tell nodes apart for people. */
const ID_DIGITS = 8;

/** Who speaks. */
interface Speaker {
  readonly name: string;
  readonly nodeId: string;
}

/**
 * One line for each event in a node's life, none for a message; for people, or as JSON for machines. Each says which
 * node speaks, as soon as that is known.
 */
export class ApplicationLogger extends ConsoleLogger {
  readonly #failedRequests = new Map(
    FAILED_REQUESTS.map((who) => [who, new LogBudget({ warn: (line: string) => super.error(line, who) })]),
  );

  constructor(
    { LOG_LEVEL: level, LOG_FORMAT: format }: LoggingSettings,
    private readonly node?: Speaker,
  ) {
    super({
      logLevels: levelsDownTo(level),
      json: format === 'json',
      colors: format !== 'json' && isColoured(process.stdout) && isColoured(process.stderr),
      prefix: node === undefined ? 'Lanfare' : `${node.name} ${node.nodeId.slice(0, ID_DIGITS)}`,
    });
  }

  /** Nest's own account of its start-up is for those who debug it. */
  override log(message: unknown, ...rest: unknown[]): void {
    if (CHATTER.has(String(rest.at(-1)))) super.debug(message, ...rest);
    else super.log(message, ...rest);
  }

  /** What Nest tells of failed requests is held to a budget, and quotes no more of them than an excerpt. */
  override error(message: unknown, ...rest: unknown[]): void {
    const who = String(rest.at(-1));
    const budget = this.#failedRequests.get(who);
    if (budget === undefined) super.error(message, ...rest);
    else budget.warn(who, describeError(message));
  }

  protected override getJsonLogObject(...line: Parameters<ConsoleLogger['getJsonLogObject']>) {
    const { node } = this;
    const speaker = node === undefined ? {} : { node_name: node.name, node_id: node.nodeId };
    return { ...super.getJsonLogObject(...line), ...speaker };
  }
}

/** A terminal that shows colours, and nobody has said NO_COLOR. */
function isColoured(output: NodeJS.WriteStream): boolean {
  return output.isTTY ? output.hasColors() : false; // isTTY is undefined where it is not true
}
