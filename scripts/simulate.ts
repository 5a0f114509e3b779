/**
 * Runs the cluster protocol through seeded chaos.
 *
 *   npm run simulate -- --seeds 1000             seeds 1..1000
 *   npm run simulate -- --seed 42 --verbose      one seed, everything that happens
 *   npm run simulate -- --seeds 500 --from 9000 --mode mesh
 *
 * A violation prints its seed, which replays exactly. One seed in ten is run twice, and must leave the same trace.
 */
import { parseArgs } from 'node:util';
import { simulate, type Outcome } from '../src/cluster/protocol/simulation/simulation.js';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    mode: { type: 'string' },
    verbose: { type: 'boolean', default: false },
    'keep-going': { type: 'boolean', default: false },
  },
});

const DETERMINISM_CHECKED_EVERY = 10;
const PROGRESS_EVERY = 500;

const mode = values.mode === 'mesh' || values.mode === 'broadcast' ? values.mode : undefined;
const print = (line: string): void => void process.stdout.write(`${line}\n`);

if (values.seed === undefined) runMany(Number(values.from), Number(values.seeds));
else runOne(Number(values.seed));

function runOne(seed: number): void {
  const outcome = simulate(seed, { mode, onLine: values.verbose ? print : undefined });
  const { scenario, ...rest } = outcome;
  if (values.verbose) print(JSON.stringify(scenario, null, 1));
  print(JSON.stringify({ ...rest, violation: rest.violation?.message ?? null }, null, 1));
  process.exitCode = outcome.violation === null ? 0 : 1;
}

function runMany(from: number, count: number): void {
  const total = { messages: 0, datagrams: 0, lost: 0, repaired: 0, excused: 0, virtualMs: 0, failed: 0 };
  for (let seed = from; seed < from + count; seed++) {
    const outcome = simulate(seed, { mode });
    total.messages += outcome.accepted;
    total.datagrams += outcome.datagrams;
    total.lost += outcome.lost;
    total.repaired += outcome.repaired;
    total.excused += outcome.excused;
    total.virtualMs += outcome.virtualMs;
    const differs =
      seed % DETERMINISM_CHECKED_EVERY === 0 && simulate(seed, { mode }).traceHash !== outcome.traceHash;
    if (outcome.violation !== null || differs) {
      total.failed += 1;
      report(outcome, differs);
      process.exitCode = 1;
      if (!values['keep-going']) break;
    }
    const done = seed - from + 1;
    if (done % PROGRESS_EVERY === 0)
      print(`${done} seeds, ${total.failed} failed, ${rate(done)} seeds/s of CPU`);
  }
  print(
    `seeds ${from}..${from + count - 1}: ${total.failed} failed; ${total.messages} messages, ${total.datagrams} datagrams, ` +
      `${total.lost} lost, ${total.repaired} repaired, ${total.excused} misses named, ` +
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

/** By processor time: what else the machine does is not this program's speed. */
function rate(count: number): string {
  const { user, system } = process.cpuUsage();
  return (count / ((user + system) / 1e6)).toFixed(1);
}
