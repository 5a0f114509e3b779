import { readFileSync } from 'node:fs';
import { z } from 'zod';

const manifestSchema = z.object({ version: z.string() });
let known: string | undefined;

/** The software's version, as package.json has it. Read when it is first asked for: importing reads no file. */
export function version(): string {
  // two levels up from src/config as well as from dist/config
  known ??= manifestSchema.parse(
    JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')),
  ).version;
  return known;
}
