/** Prints docs/configuration.md: `npm run docs:configuration`. */
import { featuresByTitle } from '../lanfare.environment.js';
import { configurationPage } from '../config/configuration-page.js';
import { variableTable } from '../config/variable-table.js';

process.stdout.write(
  configurationPage(
    Object.entries(featuresByTitle).map(([title, feature]) => [title, variableTable([feature])] as const),
  ),
);
