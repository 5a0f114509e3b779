/** `npm run million`: as many connections as this machine holds, in one cluster. */
import { CommandLine } from '../src/commands/command-line.js';
import { defaultsFor, describe, problemsOf, thisMachine, type Plan } from './million/plan.js';
import { runMillion } from './million/run.js';

const machine = thisMachine();
const defaults = defaultsFor(machine);

const USAGE = `usage: npm run million -- [options]

Starts a sealed cluster on this machine, with tokens and heartbeats, fills it with connections, and shows what it costs:
idle, with messages, with a room, when a node is killed, and when nodes are replaced. Defaults are what this machine holds.

  --nodes 56            processes (${defaults.nodes})
  --connections 18000   of each (${defaults.connections})
  --messages 10000      a second, between random users (10000)
  --seconds 60          for so long (60)
  --replace 10          nodes, one after the other (10)
  --jitter 10000        milliseconds that a client whose node has gone waits at most (10000)
  --filling 2           nodes that are filled at the same time (${machine.processors})
  --waiting 16          upgrades of each node's clients at the same time (16)
  --young 8             half of the young generation of a node's heap, in MB (8)
  --minutes 20          filling ends after half of it, and no node is replaced after it (20)
  --no-heartbeats       nodes send no pings
  --dry-run             says what is needed, and what is missing

It stops opening connections when the machine has 1 GiB of memory left, and goes on with those that are open.
Exit code: 0, or 1 when messages were lost, a node was late while filling, or something is missing.
`;

const commandLine = CommandLine.read(USAGE, {
  nodes: { type: 'string', default: String(defaults.nodes) },
  connections: { type: 'string', default: String(defaults.connections) },
  messages: { type: 'string', default: '10000' },
  seconds: { type: 'string', default: '60' },
  replace: { type: 'string', default: '10' },
  jitter: { type: 'string', default: '10000' },
  filling: { type: 'string', default: String(machine.processors) },
  waiting: { type: 'string', default: '16' },
  young: { type: 'string', default: '8' },
  minutes: { type: 'string', default: '20' },
  'no-heartbeats': { type: 'boolean', default: false },
  'dry-run': { type: 'boolean', default: false },
});

const nodes = commandLine.wholeNumber('nodes', 2, 128);
const plan: Plan = {
  nodes,
  connections: commandLine.wholeNumber('connections', 1, 1_000_000),
  idleMs: 30_000,
  heartbeats: !commandLine.options['no-heartbeats'],
  messagesPerSecond: commandLine.wholeNumber('messages', 10, 1_000_000),
  messageSeconds: commandLine.wholeNumber('seconds', 1, 86_400),
  replaced: Math.min(commandLine.wholeNumber('replace', 0, 128), nodes - 1),
  jitterMs: commandLine.wholeNumber('jitter', 0, 600_000),
  filling: commandLine.wholeNumber('filling', 1, 128),
  waiting: commandLine.wholeNumber('waiting', 1, 1_000),
  youngMb: commandLine.wholeNumber('young', 1, 64),
  warmUpMs: 10_000,
  minutes: commandLine.wholeNumber('minutes', 1, 1_440),
};

const print = (line: string): void => void process.stdout.write(`${line}\n`);

print(describe(plan, machine));
const problems = problemsOf(plan, machine);
for (const problem of problems) print(problem);
if (commandLine.options['dry-run']) process.exit(problems.length === 0 ? 0 : 1);
if (problems.length > 0) process.exit(1);

// The processes end with this one.
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.once(signal, () => process.exit(code));
}

const { rows, faults, late } = await runMillion(plan, print);
const width = Math.max(...rows.map(([what]) => what.length));
print('');
for (const [what, figures] of rows) print(`${what.padEnd(width)}  ${figures}`);
for (const fault of faults) print(`MISSED  ${fault}`);
if (late > 0) print(`MISSED  nodes were named late ${late} times while the cluster was filled`);
process.exit(faults.length === 0 && late === 0 ? 0 : 1);
