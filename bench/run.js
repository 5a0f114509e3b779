// Measures Lanfare and its peers in turn, and prints tables. README.md says how to read them.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Generator, killAll } from './lib/processes.js';
import { withResults } from './lib/page.js';
import { DISTURBED, disturbance, goalLines, remarks, table } from './lib/report.js';
import { groups, kinds, onRequest, scenarios } from './lib/scenarios.js';
import { makeTopology } from './lib/topology.js';
import { builtLanfare, peers } from './peers/peers.js';

const usage = `npm run bench -- [options]

  --quick               one short round of everything, below two minutes: to see that it works
  --scenarios a,b       of: ${Object.keys(scenarios).join(', ')}
  --peers a,b           of: ${Object.keys(peers).join(', ')}
  --rounds n            rounds per scenario (3; 2 for nodes-*, overload and idle)
  --seconds n           measured time of one round (2)
  --pairs n             talking pairs (100)
  --connections n       idle connections (15000)
  --topology t          auto, namespaces (Linux, root), loopback
  --users names|numbers user ids as strings, or as integers
  --bare                Lanfare's clients offer no subprotocol
  --retries n           measure a round again when other programs disturb it, and keep the quietest (0)
  --pin                 servers on one half of the CPUs, clients on the other, in every scenario
  --lanfare file        the build to measure (../dist/main.js)
  --other file          another build, as peer lanfare-other: did a change help?
  --set NAME=value      a variable of Lanfare's, repeatable: --set CLUSTER_BUS=none
  --node-flag f         a flag for the servers that are Node, repeatable: --node-flag=--cpu-prof
  --page                put the tables into docs/performance.md, and keep those of other scenarios
  --json file           where the results go (results/<time>.json)
`;

const { values: args } = readArgs({
  options: {
    help: { type: 'boolean' },
    quick: { type: 'boolean', default: false },
    scenarios: { type: 'string' },
    peers: { type: 'string' },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    pairs: { type: 'string', default: '100' },
    connections: { type: 'string' },
    topology: { type: 'string', default: 'auto' },
    users: { type: 'string', default: 'names' },
    bare: { type: 'boolean', default: false },
    retries: { type: 'string', default: '0' },
    pin: { type: 'boolean', default: false },
    lanfare: { type: 'string', default: builtLanfare },
    other: { type: 'string' },
    set: { type: 'string', multiple: true, default: [] },
    'node-flag': { type: 'string', multiple: true, default: [] },
    page: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
});
if (args.help) {
  console.log(usage);
  process.exit(0);
}

function readArgs(config) {
  try {
    return parseArgs(config);
  } catch (error) {
    return misused(error.message);
  }
}

function misused(why) {
  console.error(`${why}\n\n${usage}`);
  process.exit(2);
}

const names = (list, all, byDefault) => {
  const chosen = list?.split(',') ?? byDefault;
  for (const name of chosen) {
    if (!(name in all)) misused(`There is no "${name}"; there are: ${Object.keys(all).join(', ')}`);
  }
  return chosen;
};
const chosenScenarios = names(
  args.scenarios,
  scenarios,
  Object.keys(scenarios).filter((name) => !onRequest.includes(name)),
);
const chosenPeers = names(
  args.peers,
  peers,
  Object.keys(peers).filter((name) => !peers[name].onRequest),
);
const seconds = Number(args.seconds ?? (args.quick ? 0.7 : 2));
const settings = {
  quick: args.quick,
  pairs: Number(args.pairs),
  ms: seconds * 1000,
  warmMs: args.quick ? 300 : 800,
  settleMs: args.quick ? 500 : 2500,
  connections: Number(args.connections ?? (args.quick ? 3000 : 15_000)),
  warmAccepts: args.quick ? 500 : 3000,
  accepts: args.quick ? 1000 : 8000,
  users: args.users,
  lanfare: Object.fromEntries(args.set.map((pair) => pair.split(/=(.*)/s).slice(0, 2))),
};
const builds = { lanfare: resolve(args.lanfare), other: args.other && resolve(args.other) };
const roundsOf = (kind, group) => {
  if (args.rounds) return Number(args.rounds);
  if (args.quick) return 1;
  return kind === 'overload' || kind === 'idle' || group.length > 1 ? 2 : 3;
};

const { topology, reason } = makeTopology(
  args.topology,
  Math.max(2, ...chosenScenarios.map((name) => scenarios[name].nodes)),
);
process.on('exit', () => {
  killAll();
  topology.close();
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));

/** Half of the CPUs for servers, half for clients. Null on a machine with one, or without taskset. */
const halves = (() => {
  const count = os.availableParallelism();
  if (process.platform !== 'linux' || count < 2) return null;
  const half = Math.floor(count / 2);
  return { servers: `0-${half - 1}`, clients: `${half}-${count - 1}` };
})();

async function measure(peer, name) {
  const scenario = scenarios[name];
  // Overload is always pinned: otherwise clients would take the servers' CPU and measure themselves.
  const cpus = args.pin || scenario.kind === 'overload' ? halves : null;
  topology.use(scenario.nodes);
  const generator = new Generator({
    name: 'generator',
    place: topology.generator,
    command: [process.execPath, fileURLToPath(new URL('generator/generator.js', import.meta.url))],
    cpus: cpus?.clients,
    ipc: true,
  });
  let running;
  try {
    running = await peer.start({
      topology,
      nodes: scenario.nodes,
      cpus: cpus?.servers,
      nodeFlags: args['node-flag'],
      settings: settings.lanfare,
      subprotocol: !args.bare,
      ...builds,
    });
    const pids = running.processes.map((process) => process.pid);
    const sources = topology.freshSources();
    const result = await kinds[scenario.kind]({
      generator,
      running,
      pids,
      scenario,
      settings,
      sources,
      topology,
    });
    const dead = running.processes.find((process) => process.exited);
    if (dead) throw new Error(`${dead.name} ${await dead.ended}: ${dead.output}`);
    await generator.ask('close');
    return result;
  } catch (error) {
    const said = running?.processes.map((process) => process.output).filter(Boolean);
    if (said?.length > 0) error.message += `\n    ${said.join('\n').slice(-600)}`;
    throw error;
  } finally {
    await generator.stop();
    // Profiles are written when a process ends.
    const gracefully = args['node-flag'].length > 0;
    await Promise.all((running?.processes ?? []).map((process) => process.stop({ gracefully })));
    running?.cleanUp?.();
  }
}

async function measureQuietly(peer, name) {
  let best = await measure(peer, name);
  for (let retry = 0; retry < Number(args.retries) && best.othersBusy > DISTURBED; retry++) {
    const again = await measure(peer, name);
    if (again.othersBusy < best.othersBusy) best = again;
  }
  return best;
}

function fits(peer, name) {
  return scenarios[name].nodes === 1 || peers[peer].clusters;
}

const machine = `${os.cpus()[0]?.model.trim()}, ${os.availableParallelism()} CPUs, ${Math.round(os.totalmem() / 2 ** 30)} GiB, ${os.type()} ${os.release()}, Node ${process.version}`;
const say = (text) => console.log(text);
/** What was printed of each scenario. */
const printed = new Map();
say(`${machine}\\\n${topology.name}${reason ? ` (${reason})` : ''}\n`);

const changed = [...args.set, ...(args.bare ? ['clients without subprotocol'] : []), ...args['node-flag']];
if (changed.length > 0) say(`Not as it comes: ${changed.join(', ')}\n`);

const available = chosenPeers.filter((name) => {
  const missing = peers[name].missing(builds);
  if (missing) say(`${peers[name].title} is left out: ${missing}\n`);
  return !missing;
});

const startedAt = new Date();
/** scenario -> peer -> { rounds, failures } */
const results = {};

for (const group of groups) {
  const members = group.filter((name) => chosenScenarios.includes(name));
  if (members.length === 0) continue;
  for (const name of members) {
    results[name] = {};
    const also = args.peers ? [] : (scenarios[name].also ?? []);
    for (const peer of [...available, ...also]) {
      if (fits(peer, name)) results[name][peer] = { title: peers[peer].title, rounds: [], failures: [] };
    }
  }
  const rounds = roundsOf(scenarios[members[0]].kind, members);
  for (let round = 1; round <= rounds; round++) {
    for (const name of members) {
      for (const peer of Object.keys(results[name])) {
        const begun = performance.now();
        try {
          const result = await measureQuietly(peers[peer], name);
          results[name][peer].rounds.push({ round, ...result });
        } catch (error) {
          results[name][peer].failures.push(error.message);
        }
        if (process.stderr.isTTY) {
          process.stderr.write(
            `${name} ${peer} ${round}/${rounds} ${Math.round(performance.now() - begun)} ms\n`,
          );
        }
      }
    }
  }
  for (const name of members) print(name);
}

function print(name) {
  const { title, kind, goals = [] } = scenarios[name];
  const rows = Object.values(results[name]);
  if (rows.length === 0) return;
  const notes = [
    ...rows.flatMap((row) => remarks(row)),
    ...disturbance(rows),
    ...goalLines(goals, results[name].lanfare?.rounds ?? [], (against) =>
      against in scenarios ? results[against]?.lanfare?.rounds : results[name][against]?.rounds,
    ),
  ];
  const text = `${table(kind, rows)}\n\n${notes.map((note) => `- ${note}\n`).join('')}`;
  printed.set(name, { title, text });
  say(`### ${name}: ${title}\n\n${text}`);
}

const file =
  args.json ??
  fileURLToPath(new URL(`results/${startedAt.toISOString().replaceAll(':', '-')}.json`, import.meta.url));
if (!args.json) mkdirSync(new URL('results/', import.meta.url), { recursive: true });
writeFileSync(
  file,
  JSON.stringify(
    {
      startedAt,
      minutes: (Date.now() - startedAt) / 60_000,
      machine,
      topology: topology.name,
      settings,
      results,
    },
    null,
    2,
  ),
);
if (args.page) {
  const page = new URL('../docs/performance.md', import.meta.url);
  const day = startedAt.toISOString().slice(0, 10);
  const unusual = changed.length > 0 ? `\\\nNot as it comes: ${changed.join(', ')}` : '';
  const stamp = `${day}, ${machine}\\\n${topology.name}${unusual}`;
  writeFileSync(page, withResults(readFileSync(page, 'utf8'), stamp, printed, Object.keys(scenarios)));
}
console.log(`\n${((Date.now() - startedAt) / 60_000).toFixed(1)} minutes; all figures are in ${file}`);
