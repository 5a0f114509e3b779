import { ConfigurationError } from '../config/variables.js';
import { environmentSuspicions, judgeEnvironment } from '../lanfare.environment.js';

/**
 * The environment as the server would have it: files are read, everything is checked. Ends the process when it is
 * bad.
 */
export function loadEnvironment(): NodeJS.ProcessEnv {
  try {
    judgeEnvironment(process.env);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    process.stderr.write(`The configuration is not valid.\n${error.message}\n`);
    process.exit(1);
  }
  for (const suspicion of environmentSuspicions(process.env)) process.stderr.write(`${suspicion}\n`);
  return process.env;
}
