import { ConfigModule } from '@nestjs/config';
import { environmentOptions, knownVariables } from '../app.environment.js';
import { misspelled } from '../config/environment.js';
import { ConfigurationError } from '../config/variables.js';

/** The environment as the server would have it: files read, everything judged. Ends the process when it is bad. */
export async function loadEnvironment(): Promise<NodeJS.ProcessEnv> {
  try {
    await ConfigModule.forRoot(environmentOptions(process.env));
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    process.stderr.write(`The configuration is not valid.\n${error.message}\n`);
    process.exit(1);
  }
  for (const [written, meant] of misspelled(knownVariables, process.env)) {
    process.stderr.write(`${written} is not a variable of Lanfare: was ${meant} meant?\n`);
  }
  return process.env;
}
