import type { z } from 'zod';
import type { Environment } from './variables.js';

const SECRET_MARK = 'secret:';

/** The variables of one feature, as far as telling about them is concerned. */
interface Feature {
  readonly shape: Readonly<Record<string, z.ZodType>>;
}

/** One variable, for people. */
export interface VariableEntry {
  readonly name: string;
  readonly description: string;
  /** As it would be written in an environment file; empty: none. */
  readonly defaultText: string;
  /** Never to be shown. Its description begins with "secret:". */
  readonly isSecret: boolean;
}

/** What the schemas say about each variable. */
export function variableTable(features: readonly Feature[]): VariableEntry[] {
  return features.flatMap(({ shape }) =>
    Object.entries(shape).map(([name, schema]) => {
      const description = schema.description ?? '';
      const isSecret = description.startsWith(SECRET_MARK);
      // a default that depends on the host is told in the description
      const isHostsOwn = schema.def.type === 'pipe';
      const value = isHostsOwn ? undefined : schema.safeParse(undefined).data;
      return { name, description, isSecret, defaultText: textOf(value) };
    }),
  );
}

/** The variables in force, one a line, secrets masked; those that are as by default say so. */
export function effectiveConfiguration(features: readonly Feature[], env: Environment): string {
  const entries = variableTable(features);
  const width = Math.max(...entries.map(({ name }) => name.length));
  return entries
    .map(({ name, isSecret, defaultText }) => {
      const written = env[name];
      if (!written) return `${name.padEnd(width)}  ${defaultText || '(empty)'}  (default)`;
      return `${name.padEnd(width)}  ${isSecret ? masked(written) : written}`;
    })
    .join('\n');
}

/** How many secrets there are and how long: enough to see a mistake, nothing to use. */
function masked(secrets: string): string {
  const lengths = secrets.split(',').map((secret) => `${secret.trim().length} characters`);
  return `*** (${lengths.join(', ')})`;
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  return Array.isArray(value) ? value.join(',') : String(value as string | number | boolean);
}
