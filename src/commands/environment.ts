import { ConfigModule } from '@nestjs/config';
import { environmentOptions, knownVariables } from '../app.environment.js';
import { suspicions } from '../config/environment.js';
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
  for (const suspicion of suspicions(knownVariables, process.env)) process.stderr.write(`${suspicion}\n`);
  return process.env;
}
