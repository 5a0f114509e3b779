/** Runs the simulation of the cluster protocol: each seed is another run, with faults of its own. */
import type { Wishes } from '../src/cluster/protocol/simulation/scenario.js';
import { simulate, type Outcome } from '../src/cluster/protocol/simulation/simulation.js';
import { CommandLine } from '../src/commands/command-line.js';

const USAGE = `usage: npm run simulate -- [options]

  --seeds 1000               seeds 1 to 1000 (100)
  --seeds 500 --from 9000    seeds 9000 to 9499
  --seed 42 [--verbose]      one seed, and everything that happens
  --mode broadcast | mesh    (each seed has its own)
  --outages                  what carries datagrams goes away, in all seeds with chaos
  --keep-going               after a violation too

A violation prints its seed, which replays exactly. One seed in fifty is run twice, and must leave the same trace.

Exit code: 0, or 1 after a violation.
`;

const commandLine = CommandLine.read(USAGE, {
  seeds: { type: 'string', default: '100' },
  from: { type: 'string', default: '1' },
  seed: { type: 'string' },
  mode: { type: 'string' },
  outages: { type: 'boolean', default: false },
  verbose: { type: 'boolean', default: false },
  'keep-going': { type: 'boolean', default: false },
});
const { options } = commandLine;

const DETERMINISM_CHECKED_EVERY = 50;
const PROGRESS_EVERY = 500;

const SEED_MAX = 2 ** 31;

const wishes: Wishes = { mode: modeOf(options.mode), outages: options.outages };
const print = (line: string): void => void process.stdout.write(`${line}\n`);

if (options.seed === undefined) {
  runMany(commandLine.wholeNumber('from', 1, SEED_MAX), commandLine.wholeNumber('seeds', 1, SEED_MAX));
} else {
  runOne(commandLine.wholeNumber('seed', 1, SEED_MAX));
}

function modeOf(text: string | undefined): Wishes['mode'] {
  if (text === undefined || text === 'mesh' || text === 'broadcast') return text;
  return commandLine.refuse(`--mode must be broadcast or mesh, not ${text}`);
}

function runOne(seed: number): void {
  const outcome = simulate(seed, { ...wishes, onLine: options.verbose ? print : undefined });
  const { scenario, ...rest } = outcome;
  if (options.verbose) print(JSON.stringify(scenario, null, 1));
  print(JSON.stringify({ ...rest, violation: rest.violation?.message ?? null }, null, 1));
  process.exitCode = outcome.violation === null ? 0 : 1;
}

function runMany(from: number, count: number): void {
  const total = {
    messages: 0,
    datagrams: 0,
    lost: 0,
    repaired: 0,
    excused: 0,
    broadcasts: 0,
    virtualMs: 0,
    failed: 0,
  };
  for (let seed = from; seed < from + count; seed++) {
    const outcome = simulate(seed, wishes);
    total.messages += outcome.accepted;
    total.datagrams += outcome.datagrams;
    total.lost += outcome.lost;
    total.repaired += outcome.repaired;
    total.excused += outcome.excused;
    total.broadcasts += outcome.broadcasts;
    total.virtualMs += outcome.virtualMs;
    const differs =
      seed % DETERMINISM_CHECKED_EVERY === 0 && simulate(seed, wishes).traceHash !== outcome.traceHash;
    if (outcome.violation !== null || differs) {
      total.failed += 1;
      report(outcome, differs);
      process.exitCode = 1;
      if (!options['keep-going']) break;
    }
    const done = seed - from + 1;
    if (done % PROGRESS_EVERY === 0)
      print(`${done} seeds, ${total.failed} failed, ${rate(done)} seeds/s of CPU`);
  }
  print(
    `seeds ${from}..${from + count - 1}: ${total.failed} failed; ${total.messages} messages, ${total.datagrams} datagrams, ` +
      `${total.lost} lost, ${total.repaired} repaired, ${total.excused} misses named, ${total.broadcasts} to rooms by broadcast, ` +
      `${(total.virtualMs / 3_600_000).toFixed(1)} virtual hours, ${rate(count)} seeds/s of CPU`,
  );
}

function report(outcome: Outcome, differs: boolean): void {
  const { seed, scenario, violation } = outcome;
  const what = violation === null ? 'two runs left different traces' : violation.message;
  print(
    `seed ${seed} (${scenario.kind}, ${scenario.mode}, ${scenario.hosts} hosts): ${what}${differs ? ' (and is not deterministic)' : ''}`,
  );
}

/** Measured by processor time, so that other programs on the machine do not count. */
function rate(count: number): string {
  const { user, system } = process.cpuUsage();
  return (count / ((user + system) / 1e6)).toFixed(1);
}
