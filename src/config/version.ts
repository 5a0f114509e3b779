import { readFileSync } from 'node:fs';
import { z } from 'zod';

// two levels up from src/config as well as from dist/config
const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

/** The software's version, as package.json has it. */
export const VERSION = z.object({ version: z.string() }).parse(manifest).version;
