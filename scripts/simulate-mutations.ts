/**
 * Runs the simulation against cores with one rule broken each, and demands that it notices.
 *
 * The compiled simulation is copied, the edited source files are compiled over the copy, and seeds are run until one
 * fails. A mutation that survives all seeds fails the command: some check is missing.
 */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import ts from 'typescript';
import { apply, MUTATIONS, type Mutation } from '../src/cluster/protocol/simulation/mutations.js';
import type { simulate } from '../src/cluster/protocol/simulation/simulation.js';
import { CommandLine } from '../src/commands/command-line.js';

const USAGE = `usage: npm run simulate:mutations -- [options]

Breaks one rule of the protocol each, and demands that the simulation notices.

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
  const { seed, what } = await hunt(mutation);
  if (seed === null) survivors += 1;
  print(
    `${(seed === null ? 'SURVIVED' : String(seed)).padStart(8)}  ${mutation.name}${what === '' ? '' : ` (${what})`}`,
  );
}
print(`${chosen.length} mutations, ${survivors} not noticed within ${seedsMax} seeds`);
process.exitCode = survivors === 0 ? 0 : 1;

/** The first seed that fails, and what it says. */
async function hunt(mutation: Mutation): Promise<{ seed: number | null; what: string }> {
  const mutant = await build(mutation);
  for (let seed = 1; seed <= seedsMax; seed++) {
    const { violation } = mutant.simulate(seed, mutation.wishes);
    if (violation !== null) return { seed, what: violation.invariant };
  }
  return { seed: null, what: '' };
}

async function build(mutation: Mutation): Promise<{ readonly simulate: typeof simulate }> {
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
  const entry = pathToFileURL(join(folder, 'simulation/simulation.js')).href;
  return (await import(entry)) as { readonly simulate: typeof simulate };
}
