import { registerAs, type ConfigType } from '@nestjs/config';
import { z } from 'zod';
import { Variables, type Environment } from '../config/variables.js';

const LEVELS = ['fatal', 'error', 'warn', 'log', 'debug', 'verbose'] as const;

export const loggingVariables = new Variables({
  LOG_LEVEL: z
    .enum(LEVELS, `must be one of ${LEVELS.join(', ')}`)
    .default('log')
    .describe('fatal, error, warn, log, debug or verbose'),
  LOG_FORMAT: z
    .enum(['pretty', 'json'], 'must be pretty or json')
    .default('pretty')
    .describe('`json` for machines: one object a line'),
});

export const loggingConfig = registerAs('logging', () => loggingVariables.parse(process.env));

export type LoggingSettings = ConfigType<typeof loggingConfig>;

/** The settings for lines that are written before the environment was checked, or because it is bad. */
export function loggingUnjudged(env: Environment): LoggingSettings {
  return { LOG_LEVEL: 'log', LOG_FORMAT: env['LOG_FORMAT'] === 'json' ? 'json' : 'pretty' };
}

/** The levels that are written when `level` is the least serious one. */
export function levelsDownTo(level: (typeof LEVELS)[number]): (typeof LEVELS)[number][] {
  return LEVELS.slice(0, LEVELS.indexOf(level) + 1);
}
