import { ConsoleLogger } from '@nestjs/common';
import { describeError } from './excerpt.js';
import { LogBudget } from './log-budget.js';
import { levelsDownTo, type LoggingSettings } from './logging.config.js';

/** Contexts of Nest that list modules, routes and handlers at every start, at level `log`. The code says the same. */
const CHATTER = new Set([
  'InstanceLoader',
  'NestApplication',
  'NestFactory',
  'RouterExplorer',
  'RoutesResolver',
  'WebSocketsController',
]);

/** Contexts of Nest and its adapters that log failed requests. Anybody can make as many of these as they like. */
const FAILED_REQUESTS = [
  'ExceptionsHandler',
  'ExpressAdapter',
  'RouterResponseController',
  'WsAdapter',
  'WsExceptionsHandler',
];

/** Enough digits of a node's id for people to tell nodes apart. */
const ID_DIGITS = 8;

/**
 * Who writes the lines: a node, which has an id; or the primary of several, or a node that could not start, without an
 * id.
 */
interface Speaker {
  readonly name: string;
  readonly nodeId?: string;
}

/**
 * Writes one line for each event in a node's life and none for a message, for people, or as JSON for machines. Each
 * line names the node, as soon as the node is known.
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
      prefix: node === undefined ? 'Lanfare' : prefixOf(node),
    });
  }

  /** Nest's own lines about its start are written at level debug only. */
  override log(message: unknown, ...rest: unknown[]): void {
    if (CHATTER.has(String(rest.at(-1)))) super.debug(message, ...rest);
    else super.log(message, ...rest);
  }

  /** Nest's lines about failed requests are limited by a budget, and quote only an excerpt of a request. */
  override error(message: unknown, ...rest: unknown[]): void {
    const who = String(rest.at(-1));
    const budget = this.#failedRequests.get(who);
    if (budget === undefined) super.error(message, ...rest);
    else budget.warn(who, describeError(message));
  }

  protected override getJsonLogObject(...line: Parameters<ConsoleLogger['getJsonLogObject']>) {
    const { node } = this;
    const name = node === undefined ? {} : { node_name: node.name };
    const id = node?.nodeId === undefined ? {} : { node_id: node.nodeId };
    return { ...super.getJsonLogObject(...line), ...name, ...id };
  }
}

function prefixOf({ name, nodeId }: Speaker): string {
  return nodeId === undefined ? name : `${name} ${nodeId.slice(0, ID_DIGITS)}`;
}

/** Whether the output is a terminal that shows colours, and NO_COLOR is not set. */
function isColoured(output: NodeJS.WriteStream): boolean {
  return output.isTTY ? output.hasColors() : false; // isTTY is undefined when it is not true
}
