import { parse } from 'dotenv';
import { existsSync, readFileSync } from 'node:fs';
import { ConfigurationError, type Environment, type Problem } from './variables.js';

const PRODUCTION = 'production';
/** Stands for a # while a file is parsed. No environment file has this character. */
const NOT_A_HASH = '\u0001';

/** What the check of the whole environment needs of one feature's variables. */
export interface Feature {
  readonly shape: Readonly<Record<string, unknown>>;
  problems(env: Environment): Problem[];
}

/**
 * Adds to `env` what only the environment files have. An empty value counts as not set, in both.
 *
 * @param known the variables of the application; all others in the environment are left alone
 * @returns what is wrong with the files' values
 * @throws {ConfigurationError} when a file cannot be read
 */
export function readEnvironment(env: NodeJS.ProcessEnv, known: readonly string[]): Problem[] {
  const files = environmentFiles(env).map(textOf);
  for (const name of known) if (env[name] === '') delete env[name];
  const problems = files.flatMap((text) => cutValues(text, known));
  for (const text of files) {
    for (const [name, value] of Object.entries(parse(text))) if (value !== '') env[name] ??= value;
  }
  return problems;
}

/**
 * The environment files to read. The first file that has a variable wins; the process environment wins over all files.
 * If `ENV_FILE` is set it is the only file, and must exist: an operator who names a file must not get development
 * settings from a forgotten `.env` beside it.
 */
export function environmentFiles(env: Environment): string[] {
  const named = env['ENV_FILE'];
  if (named) return [named];
  return [...(env['NODE_ENV'] ? [`.env.${env['NODE_ENV']}`] : []), '.env'].filter((file) => existsSync(file));
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const message = code === 'ENOENT' ? `there is no file ${file}` : `${file} cannot be read (${code})`;
    throw new ConfigurationError([{ variable: 'ENV_FILE', message }]);
  }
}

/**
 * Finds known variables whose value goes on after a # that the parser takes for the start of a comment. Without this
 * check half a secret would be used.
 */
function cutValues(text: string, known: readonly string[]): Problem[] {
  const values = parse(text);
  // what the parser would read if a # behind a word were a letter; a quoted value does not change
  const whole = parse(text.replaceAll(/(?<=[^\s#])#/g, NOT_A_HASH));
  return Object.entries(whole)
    .filter(([name, value]) => known.includes(name) && value.replaceAll(NOT_A_HASH, '#') !== values[name])
    .map(([variable]) => ({
      variable,
      message: 'is cut at a #: put the value in quotes, or a blank before the comment',
    }));
}

/**
 * @param found problems that are known already
 * @throws {ConfigurationError} that names every bad variable of every feature
 */
export function validateEnvironment(
  features: readonly Feature[],
  env: Environment,
  found: readonly Problem[] = [],
): void {
  const problems = [...found, ...features.flatMap((feature) => feature.problems(env))];
  if (problems.length > 0) throw new ConfigurationError(problems);
}

/** Sentences about what is probably a mistake. */
export function suspicions(known: readonly string[], env: Environment): string[] {
  const mode = env['NODE_ENV'] ?? '';
  return [
    ...misspelled(known, env).map(
      ([written, meant]) => `${written} is not a variable of Lanfare: was ${meant} meant?`,
    ),
    ...(mode !== PRODUCTION && (/^\W*prod/i.test(mode) || isOneTypoAway(mode, PRODUCTION))
      ? [
          `NODE_ENV=${mode} is not ${PRODUCTION}: what is fit for development only is accepted. Write ${PRODUCTION}`,
        ]
      : []),
  ];
}

/** Names in `env` that are unknown and one typo away from a known one: `[name, known]`. */
export function misspelled(known: readonly string[], env: Environment): [string, string][] {
  const knownNames = new Set(known);
  return Object.keys(env)
    .filter((name) => !knownNames.has(name))
    .flatMap((name) => {
      const meant = known.find((candidate) => isOneTypoAway(name, candidate));
      return meant === undefined ? [] : [[name, meant] satisfies [string, string]];
    });
}

/** One character inserted, dropped, replaced, or two neighbours swapped (case aside). */
function isOneTypoAway(written: string, meant: string): boolean {
  const a = written.toUpperCase();
  const b = meant.toUpperCase();
  if (a === b) return true;
  let start = 0;
  while (start < a.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < Math.min(a.length, b.length) - start && a.at(-1 - end) === b.at(-1 - end)) end++;
  const middleA = a.slice(start, a.length - end);
  const middleB = b.slice(start, b.length - end);
  if (middleA.length <= 1 && middleB.length <= 1) return true;
  return (
    middleA.length === 2 && middleB.length === 2 && middleA[0] === middleB[1] && middleA[1] === middleB[0]
  );
}
