/** Judges the environment, and prints the configuration in force with secrets masked: `npm run config:check`. */
import { features } from '../lanfare.environment.js';
import { effectiveConfiguration } from '../config/variable-table.js';
import { loadEnvironment } from './environment.js';

const env = loadEnvironment();
process.stdout.write(`${effectiveConfiguration(features, env)}\n\nThe configuration is valid.\n`);
