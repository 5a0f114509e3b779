import type { z } from 'zod';
import type { Environment } from './variables.js';

const SECRET_MARK = 'secret:';

/** What the description of the variables needs of one feature. */
interface Feature {
  readonly shape: Readonly<Record<string, z.ZodType>>;
}

/** One variable, described for people. */
export interface VariableEntry {
  readonly name: string;
  readonly description: string;
  /** The default as it would be written in an environment file; empty: there is none. */
  readonly defaultText: string;
  /** The value is never shown. The description begins with "secret:". */
  readonly isSecret: boolean;
}

/** What the schemas say about each variable. */
export function variableTable(features: readonly Feature[]): VariableEntry[] {
  return features.flatMap(({ shape }) =>
    Object.entries(shape).map(([name, schema]) => {
      const description = schema.description ?? '';
      const isSecret = description.startsWith(SECRET_MARK);
      // the description names a default that depends on the host
      const isHostsOwn = schema.def.type === 'pipe';
      const value = isHostsOwn ? undefined : schema.safeParse(undefined).data;
      return { name, description, isSecret, defaultText: textOf(value) };
    }),
  );
}

/** The variables in force, one a line, with secrets masked. A line says when the value is the default. */
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

/** How many secrets there are and how long they are: enough to notice a mistake, and of no use to a thief. */
function masked(secrets: string): string {
  const lengths = secrets.split(',').map((secret) => `${secret.trim().length} characters`);
  return `*** (${lengths.join(', ')})`;
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (Array.isArray(value)) return value.join(',');
  return typeof value === 'string' ? value : JSON.stringify(value);
}
