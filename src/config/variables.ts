import { z } from 'zod';

/** Text values by name, as in `process.env`. An empty value counts as not set. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What is wrong with one variable. Never contains the value of a secret. */
export interface Problem {
  readonly variable: string;
  readonly message: string;
}

type Shape = Readonly<Record<string, z.ZodType>>;
type Values<S extends Shape> = { readonly [K in keyof S]: z.output<S[K]> };

/**
 * Checks that concern more than one variable. `values` has only the variables that are valid by themselves. `env` is
 * for the variables of features below.
 */
type Rules<S extends Shape> = (
  values: Partial<Values<S>>,
  context: { production: boolean; env: Environment },
) => Problem[];

/**
 * The environment variables one feature owns: their schemas (each with a default and a description, from which the
 * documentation is made) and the rules between them. Every variable is checked by itself, so that a failed start names
 * all bad ones at once.
 */
export class Variables<S extends Shape> {
  constructor(
    readonly shape: S,
    private readonly rules: Rules<S> = () => [],
  ) {}

  /** Every problem of these variables in `env`; none if `parse` would succeed. */
  problems(env: Environment): Problem[] {
    return this.judge(env).problems;
  }

  /** @throws {ConfigurationError} naming every bad variable of this set */
  parse(env: Environment): Values<S> {
    const { values, problems } = this.judge(env);
    if (problems.length > 0) throw new ConfigurationError(problems);
    return values as Values<S>;
  }

  /** The values of the variables in `env` that are valid by themselves. */
  values(env: Environment): Partial<Values<S>> {
    return this.judge(env).values;
  }

  private judge(env: Environment): { values: Partial<Values<S>>; problems: Problem[] } {
    const values: Record<string, unknown> = {};
    const problems: Problem[] = [];
    for (const [variable, schema] of Object.entries(this.shape)) {
      const result = schema.safeParse(env[variable] === '' ? undefined : env[variable]);
      if (result.success) values[variable] = result.data;
      else problems.push(...result.error.issues.map(({ message }) => ({ variable, message })));
    }
    const production = env['NODE_ENV'] === 'production';
    problems.push(...this.rules(values as Partial<Values<S>>, { production, env }));
    return { values: values as Partial<Values<S>>, problems };
  }
}

/** The configuration is bad and the node must not start. The message has a line for every bad variable. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';

  constructor(readonly problems: readonly Problem[]) {
    super(problems.map(({ variable, message }) => `${variable}: ${message}`).join('\n'));
  }
}

/** A whole number in decimal digits. `1e3`, `0x10`, ` 5` and `` are refused. */
export const integer = (min: number, max = Number.MAX_SAFE_INTEGER) =>
  z
    .string()
    .regex(/^\d+$/, 'must be a whole number in decimal digits')
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be from ${min} to ${max}`);

export const port = () => integer(0, 65_535);

export const flag = () =>
  z.enum(['true', 'false'], 'must be true or false').transform((text) => text === 'true');

/** A comma-separated list. Blanks around the items and empty items are dropped. */
export const list = () =>
  z.string().transform((text) =>
    text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  );

/** The present one, the next one and the previous one. */
const SECRETS_MAX = 3;

/**
 * Secrets that can be rotated, comma-separated. The first one signs or seals; all are accepted. Blanks around them are
 * dropped. The error about a part that is too short names its position, never its value. (Most likely a secret has a
 * comma in it.)
 */
export const secrets = (bytesMin: number) =>
  z
    .string()
    .transform((text) => text.split(',').map((secret) => secret.trim()))
    .refine((parts) => parts.length <= SECRETS_MAX, `must be at most ${SECRETS_MAX} secrets, comma-separated`)
    .superRefine((parts, context) => {
      const index = parts.findIndex((part) => Buffer.byteLength(part) < bytesMin);
      if (index < 0) return;
      const bytes = Buffer.byteLength(parts[index] as string);
      context.addIssue(
        parts.length === 1
          ? `must be at least ${bytesMin} bytes long, and has ${bytes}`
          : `every secret must be at least ${bytesMin} bytes long: the ${ORDINALS[index] ?? 'last'} part has only ${bytes} bytes; a comma separates secrets`,
      );
    });

const ORDINALS = ['1st', '2nd', '3rd'];
