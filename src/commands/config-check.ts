/** Judges the environment, and prints the configuration in force with secrets masked: `npm run config:check`. */
import { features } from '../app.environment.js';
import { effectiveConfiguration } from '../config/variable-table.js';
import { loadEnvironment } from './environment.js';

const env = await loadEnvironment();
process.stdout.write(`${effectiveConfiguration(features, env)}\n\nThe configuration is valid.\n`);
