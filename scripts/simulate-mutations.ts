/**
 * Runs the simulation with cores in each of which one rule is broken. The simulation must notice it.
 *
 * The compiled simulation is copied, and the edited source files are compiled over the copy. Seeds are run until one fails.
 * When no seed notices a mutation, a check is missing, and the command fails.
 */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import ts from 'typescript';
import { apply, type Mutation } from '../src/cluster/protocol/simulation/mutations/mutation.js';
import { MUTATIONS } from '../src/cluster/protocol/simulation/mutations/mutations.js';
import type { SCHEDULES } from '../src/cluster/protocol/simulation/schedules.js';
import type { simulate } from '../src/cluster/protocol/simulation/simulation.js';
import { CommandLine } from '../src/commands/command-line.js';

const USAGE = `usage: npm run simulate:mutations -- [options]

Breaks one rule of the protocol each, and demands that the simulation notices: by a seed, or by a directed schedule.

  --seeds 800         for each mutation
  --only part,part    mutations with one of these in their name (all)

Exit code: 0, or 1 when a mutation was not noticed.
`;

const commandLine = CommandLine.read(USAGE, {
  seeds: { type: 'string', default: '800' },
  only: { type: 'string' },
});

const PROTOCOL = 'src/cluster/protocol';
const BUILT = resolve('build/simulation', PROTOCOL);
const MUTANTS = resolve('build/mutants');

const seedsMax = commandLine.wholeNumber('seeds', 1, 1_000_000);
const wanted = commandLine.options.only?.split(',') ?? [''];
const chosen = MUTATIONS.filter(({ name }) => wanted.some((part) => name.includes(part)));
if (chosen.length === 0) commandLine.refuse(`--only ${commandLine.options.only}: there is no such mutation`);
const print = (line: string): void => void process.stdout.write(`${line}\n`);

rmSync(MUTANTS, { recursive: true, force: true });
let survivors = 0;
for (const mutation of chosen) {
  const { by, what } = await hunt(mutation);
  if (by === null) survivors += 1;
  print(`${(by ?? 'SURVIVED').padStart(8)}  ${mutation.name}${what === '' ? '' : ` (${what})`}`);
}
print(`${chosen.length} mutations, ${survivors} not noticed within ${seedsMax} seeds`);
process.exitCode = survivors === 0 ? 0 : 1;

interface Mutant {
  readonly simulate: typeof simulate;
  readonly schedules: typeof SCHEDULES;
}

/** The first seed or the schedule that fails, and the message of its failure. Null: nothing fails. */
async function hunt(mutation: Mutation): Promise<{ by: string | null; what: string }> {
  const mutant = await build(mutation);
  if (mutation.schedule !== undefined) {
    try {
      mutant.schedules[mutation.schedule]();
    } catch (error) {
      return { by: 'schedule', what: error instanceof Error ? error.message : String(error) };
    }
    return { by: null, what: '' };
  }
  for (let seed = 1; seed <= seedsMax; seed++) {
    const { violation } = mutant.simulate(seed, mutation.wishes);
    if (violation !== null) return { by: String(seed), what: violation.invariant };
  }
  return { by: null, what: '' };
}

async function build(mutation: Mutation): Promise<Mutant> {
  const folder = join(MUTANTS, mutation.name.replaceAll(/\W+/g, '-'));
  mkdirSync(folder, { recursive: true });
  cpSync(BUILT, folder, { recursive: true });
  const sources = new Map<string, string>();
  for (const edit of mutation.edits) {
    const source = sources.get(edit.file) ?? readFileSync(join(PROTOCOL, edit.file), 'utf8');
    sources.set(edit.file, apply(edit, source));
  }
  for (const [file, source] of sources) {
    const { outputText } = ts.transpileModule(source, {
      compilerOptions: {
        target: ts.ScriptTarget.ES2023,
        module: ts.ModuleKind.ESNext,
        verbatimModuleSyntax: true,
      },
    });
    writeFileSync(join(folder, file.replace(/\.ts$/, '.js')), outputText);
  }
  const load = async (file: string): Promise<unknown> => import(pathToFileURL(join(folder, file)).href);
  const { simulate } = (await load('simulation/simulation.js')) as Pick<Mutant, 'simulate'>;
  const { SCHEDULES: schedules } = (await load('simulation/schedules.js')) as { SCHEDULES: typeof SCHEDULES };
  return { simulate, schedules };
}
