/** Checks the environment, and prints the configuration in force with secrets masked. */
import { features } from '../lanfare.environment.js';
import { effectiveConfiguration } from '../config/variable-table.js';
import { sumsOfLimits } from '../workers/sums-of-limits.js';
import { workersWanted } from '../workers/workers.config.js';
import { CommandLine } from './command-line.js';
import { loadEnvironment } from './environment.js';

const USAGE = `usage: lanfare config:check    (in a checkout: npm run config:check)

Judges the environment as a node would have it, from the process and from ENV_FILE, .env.<NODE_ENV> or .env, and prints
the configuration in force with secrets masked.

Exit code: 0 valid, 1 not.
`;

CommandLine.read(USAGE, {});
const env = loadEnvironment();
const workers = workersWanted(env);
const lines = [
  effectiveConfiguration(features, env),
  '',
  ...(env['WORKERS'] === 'auto' ? [`WORKERS=auto: ${workers} here.`] : []),
  ...(workers > 1 ? [`${sumsOfLimits(env, workers)}.`] : []),
  'The configuration is valid.',
];
process.stdout.write(`${lines.join('\n')}\n`);
