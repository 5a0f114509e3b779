import { readFile } from 'node:fs/promises';
import { ConfigurationError } from '../config/variables.js';

/** @throws {ConfigurationError} that names the variable, when the file it names can't be read */
export async function readFileOf(variable: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigurationError([{ variable, message: `${path} cannot be read (${code ?? 'unknown'})` }]);
  }
}
