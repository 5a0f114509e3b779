import { existsSync } from 'node:fs';
import { ConfigurationError, type Environment, type Problem } from './variables.js';

/** The variables of one feature, as far as the whole's check is concerned. */
interface Feature {
  problems(env: Environment): Problem[];
}

/**
 * The environment files to read, first wins; the process environment wins over all of them.
 * `ENV_FILE` stands alone when it is set, and must exist: an operator who names a file means that file, and must
 * not get development settings from a stray `.env` beside it.
 */
export function environmentFiles(env: Environment): string[] {
  const named = env['ENV_FILE'];
  if (named) {
    if (!existsSync(named)) {
      throw new ConfigurationError([{ variable: 'ENV_FILE', message: `there is no file ${named}` }]);
    }
    return [named];
  }
  return [...(env['NODE_ENV'] ? [`.env.${env['NODE_ENV']}`] : []), '.env'];
}

/** @throws {ConfigurationError} that names every bad variable of every feature */
export function validateEnvironment(features: readonly Feature[], env: Environment): void {
  const problems = features.flatMap((feature) => feature.problems(env));
  if (problems.length > 0) throw new ConfigurationError(problems);
}

/** Names in `env` that are not known but one typo away from a known one: `[name, known]`. */
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
