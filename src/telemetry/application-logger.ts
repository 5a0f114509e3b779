import { ConsoleLogger } from '@nestjs/common';
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

/** One line for each event in a node's life, none for a message; for people, or as JSON for machines. */
export class ApplicationLogger extends ConsoleLogger {
  constructor({ LOG_LEVEL: level, LOG_FORMAT: format }: LoggingSettings) {
    super({ logLevels: levelsDownTo(level), json: format === 'json' });
  }

  /** Nest's own account of its start-up is for those who debug it. */
  override log(message: unknown, ...rest: unknown[]): void {
    if (CHATTER.has(String(rest.at(-1)))) super.debug(message, ...rest);
    else super.log(message, ...rest);
  }
}
