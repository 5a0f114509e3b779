import { setTimeout as sleep } from 'node:timers/promises';
import { residentBytes } from './proc.js';

/**
 * What is measured. `goals` are Lanfare's, within one run: [measure, against what, at least / at most, figure]. A goal
 * against a peer is a ratio, and so is one against Lanfare itself in another scenario of the group. A goal against null is
 * the figure itself.
 *
 * @typedef {object} Scenario
 * @property {string} title
 * @property {'pairs' | 'room' | 'overload' | 'idle' | 'accept'} kind
 * @property {number} nodes
 * @property {number} [inFlight]
 * @property {number} [members] of a room, spread over the nodes
 * @property {number} [bytes]
 * @property {import('./topology.js').Loss} [loss] what the network between the nodes loses while it is measured
 * @property {number} [seconds] when the default would be too short
 * @property {string[]} [also] peers that are otherwise measured only on request
 * @property {[string, string | null, 'min' | 'max', number][]} [goals]
 */

const KiB = 1024;

/** Of messages of 4 KiB and more. */
const largeGoals = [
  ['rate', 'nats', 'min', 0.8],
  ['cpuPerMessage', 'nats', 'max', 1.25],
];

/** @type {Record<string, Scenario>} */
export const scenarios = {
  'two-nodes-1': {
    title: 'two nodes, 100 pairs, 64 B, 1 in flight',
    kind: 'pairs',
    nodes: 2,
    inFlight: 1,
    bytes: 64,
    goals: [
      ['rate', 'nats', 'min', 1.1],
      ['rate', 'socketio', 'min', 2.5],
      ['p99', 'nats', 'max', 1],
    ],
  },
  'two-nodes-16': {
    title: 'two nodes, 100 pairs, 64 B, 16 in flight',
    kind: 'pairs',
    nodes: 2,
    inFlight: 16,
    bytes: 64,
    goals: [
      ['rate', 'nats', 'min', 1],
      ['cpuPerMessage', 'nats', 'max', 1],
      ['rate', 'socketio', 'min', 5],
    ],
  },
  'two-nodes-16-256': {
    title: 'two nodes, 100 pairs, 256 B, 16 in flight',
    kind: 'pairs',
    nodes: 2,
    inFlight: 16,
    bytes: 256,
  },
  ...Object.fromEntries(
    [1, 5, 10].map((percent) => [
      `loss-${percent}`,
      {
        title: `two nodes, 100 pairs, 1 KiB, 16 in flight, ${percent}% of the nodes' packets are lost`,
        kind: 'pairs',
        nodes: 2,
        inFlight: 16,
        bytes: KiB,
        loss: percent / 100,
        goals: [['rate', 'lanfare-other', 'min', 1]],
      },
    ]),
  ),
  'loss-fragments': {
    title: 'two nodes, 100 pairs, 1 KiB, 16 in flight, fragments of packets do not arrive any more',
    kind: 'pairs',
    nodes: 2,
    inFlight: 16,
    bytes: KiB,
    loss: 'fragments',
    goals: [['rate', 'lanfare-small', 'min', 0.8]],
  },
  'two-nodes-16-1k': {
    title: 'two nodes, 100 pairs, 1 KiB, 16 in flight',
    kind: 'pairs',
    nodes: 2,
    inFlight: 16,
    bytes: KiB,
    goals: [
      ['rate', 'nats', 'min', 1],
      ['cpuPerMessage', 'nats', 'max', 1.1],
    ],
  },
  // With larger messages a pair has 64 KiB in flight, as it has with 16 of 4 KiB.
  'two-nodes-16-4k': {
    title: 'two nodes, 100 pairs, 4 KiB, 16 in flight',
    kind: 'pairs',
    nodes: 2,
    inFlight: 16,
    bytes: 4 * KiB,
    goals: largeGoals,
  },
  'two-nodes-4-16k': {
    title: 'two nodes, 100 pairs, 16 KiB, 4 in flight',
    kind: 'pairs',
    nodes: 2,
    inFlight: 4,
    bytes: 16 * KiB,
    goals: largeGoals,
  },
  'two-nodes-1-64k': {
    title: 'two nodes, 100 pairs, 64 KiB, 1 in flight',
    kind: 'pairs',
    nodes: 2,
    inFlight: 1,
    bytes: 64 * KiB,
    goals: largeGoals,
  },
  'one-node-1': {
    title: 'one node, 100 pairs, 64 B, 1 in flight',
    kind: 'pairs',
    nodes: 1,
    inFlight: 1,
    bytes: 64,
  },
  'one-node': {
    title: 'one node, 100 pairs, 64 B, 16 in flight',
    kind: 'pairs',
    nodes: 1,
    inFlight: 16,
    bytes: 64,
    also: ['sink'],
    goals: [
      ['rate', 'nats', 'min', 1.1],
      ['cpuPerMessage', 'nats', 'max', 1],
      ['rate', 'ws', 'min', 7],
      ['rate', 'bun', 'min', 5],
    ],
  },
  'nodes-2': { title: '2 nodes, two talk (16 in flight)', kind: 'pairs', nodes: 2, inFlight: 16, bytes: 64 },
  'nodes-4': { title: '4 nodes, two talk (16 in flight)', kind: 'pairs', nodes: 4, inFlight: 16, bytes: 64 },
  'nodes-8': {
    title: '8 nodes, two talk (16 in flight)',
    kind: 'pairs',
    nodes: 8,
    inFlight: 16,
    bytes: 64,
    goals: [['cpuPerMessage', 'nodes-2', 'max', 1.15]],
  },
  ...Object.fromEntries(
    [10, 100, 1000, 10_000].flatMap((members) =>
      [64, 1024].map((bytes) => [
        `room-${members}${bytes === 64 ? '' : '-1k'}`,
        {
          title: `a room of ${members.toLocaleString('en-US')} on two nodes, ${bytes === 64 ? '64 B' : '1 KiB'}`,
          kind: 'room',
          nodes: 2,
          members,
          inFlight: members < 10_000 ? 16 : 4,
          bytes,
          goals:
            members < 100
              ? []
              : [
                  ['rate', 'nats', 'min', 1.2],
                  ['p99', 'nats', 'max', 1],
                  ['rate', 'socketio', 'min', 5],
                ],
        },
      ]),
    ),
  ),
  overload: {
    title: 'two nodes at twice their best rate',
    kind: 'overload',
    nodes: 2,
    inFlight: 16,
    bytes: 64,
    goals: [['throughputKept', null, 'min', 0.9]],
  },
  idle: {
    title: '15,000 idle connections on one node',
    kind: 'idle',
    nodes: 1,
    goals: [['bytesPerConnection', 'ws', 'max', 1.3]],
  },
  accept: {
    title: 'connections accepted, one node',
    kind: 'accept',
    nodes: 1,
    goals: [['rate', 'ws', 'min', 0.8]],
  },
};

/** Scenarios that are measured in the same rounds, because they are compared with each other: 2, 4 and 8 nodes. */
export const groups = [
  ['two-nodes-1'],
  ['two-nodes-16'],
  ['two-nodes-16-256'],
  ['two-nodes-16-1k'],
  ['loss-1'],
  ['loss-5'],
  ['loss-10'],
  ['loss-fragments'],
  ['two-nodes-16-4k'],
  ['two-nodes-4-16k'],
  ['two-nodes-1-64k'],
  ['one-node'],
  ['one-node-1'],
  ['nodes-2', 'nodes-4', 'nodes-8'],
  ['room-10'],
  ['room-10-1k'],
  ['room-100'],
  ['room-100-1k'],
  ['room-1000'],
  ['room-1000-1k'],
  ['room-10000'],
  ['room-10000-1k'],
  ['overload'],
  ['idle'],
  ['accept'],
];

export const onRequest = [
  'one-node-1',
  ...Object.keys(scenarios).filter((name) => name.startsWith('room-') || name.startsWith('loss-')),
];

/** The network has begun to lose packets: what is measured begins so much later. */
const LOSS_KNOWN_MS = 1000;

const MiB = KiB * KiB;

/** The clients that talk are on the first two nodes, however many nodes there are. */
async function openPairs(bench) {
  const { generator, running, scenario, settings, sources } = bench;
  await generator.ask('openPairs', {
    pairs: settings.pairs,
    nodes: running.nodes.slice(0, 2),
    dialect: running.dialect,
    options: running.options,
    sources,
    bytes: scenario.bytes,
    users: settings.users,
  });
}

function latencyOf({ p50, p99, p999 }) {
  return { p50, p99, p999 };
}

function costOf(measured) {
  const perMessage = (us) => (us === null || measured.received === 0 ? null : us / measured.received);
  return {
    rate: measured.rate,
    cpuPerMessage: perMessage(measured.serverCpuUs),
    ...latencyOf(measured),
    machineCpuPerMessage: perMessage(measured.machineUs),
    busiestThread: measured.busiestThread,
    generatorCpuPerMessage: perMessage(measured.generatorCpuUs),
    generatorBusy: measured.generatorBusy,
    othersBusy: othersBusy(measured),
  };
}

/** CPUs that other programs and the kernel's own threads used: all but the servers and the generator. */
function othersBusy({ machineUs, serverCpuUs, generatorCpuUs, seconds }) {
  if (machineUs === null || serverCpuUs === null) return null;
  return (machineUs - serverCpuUs - generatorCpuUs) / 1e6 / seconds;
}

/** Highest resident memory of the servers while `action` runs. */
async function watchMemory(pids, action) {
  let peak = residentBytes(pids);
  const timer = setInterval(() => (peak = Math.max(peak, residentBytes(pids))), 100);
  try {
    return { result: await action(), peakMiB: Math.max(peak, residentBytes(pids)) / MiB };
  } finally {
    clearInterval(timer);
  }
}

export const kinds = {
  async pairs(bench) {
    const { generator, pids, scenario, settings, topology } = bench;
    await openPairs(bench);
    if (scenario.loss !== undefined) {
      const { inFlight } = scenario;
      await generator.ask('closedLoop', { inFlight, warmMs: 0, ms: settings.warmMs, pids });
      topology.impair(scenario.loss);
    }
    const { result, peakMiB } = await watchMemory(pids, () =>
      generator.ask('closedLoop', {
        inFlight: scenario.inFlight,
        warmMs: scenario.loss === undefined ? settings.warmMs : LOSS_KNOWN_MS,
        ms: settings.ms,
        pids,
      }),
    );
    return { ...costOf(result), memoryMiB: peakMiB, ...(await generator.ask('pairsAccount')) };
  },

  /** One member on each node publishes, in a closed loop: the next message when all members have one. */
  async room(bench) {
    const { generator, pids, running, scenario, settings, sources } = bench;
    await generator.ask('openRoom', {
      members: scenario.members,
      nodes: running.nodes,
      dialect: running.dialect,
      options: running.options,
      sources,
      bytes: scenario.bytes,
    });
    const { result, peakMiB } = await watchMemory(pids, () =>
      generator.ask('publishLoop', {
        inFlight: scenario.inFlight,
        warmMs: settings.warmMs,
        ms: settings.ms,
        pids,
      }),
    );
    const { publishes, firstP50, firstP99 } = result;
    return {
      ...costOf(result),
      publishes,
      firstP50,
      firstP99,
      memoryMiB: peakMiB,
      ...(await generator.ask('roomAccount')),
    };
  },

  /**
   * Measures the best rate, then twice that rate, whether or not the server takes it, then the first load again. A closed
   * loop may not find what a server can do. So if the server takes all of the doubled rate, that is the new best rate,
   * and is doubled too.
   */
  async overload(bench) {
    const { generator, pids, scenario, settings } = bench;
    await openPairs(bench);
    const closed = { inFlight: scenario.inFlight, warmMs: settings.warmMs, ms: settings.ms, pids };
    const { result: normal, peakMiB: memoryBeforeMiB } = await watchMemory(pids, () =>
      generator.ask('closedLoop', closed),
    );
    const deep = await generator.ask('closedLoop', { ...closed, inFlight: 8 * scenario.inFlight });
    let best = Math.max(normal.rate, deep.rate);
    let flood;
    for (let attempt = 1; attempt <= 3; attempt++) {
      flood = await watchMemory(pids, () =>
        generator.ask('openLoop', { rate: 2 * best, ms: settings.ms * 2, pids }),
      );
      if (flood.result.rate <= 1.25 * best) break;
      if (attempt < 3) best = flood.result.rate;
    }
    const again = await generator.ask('closedLoop', { ...closed, warmMs: 0 });
    const memoryAfterMiB = residentBytes(pids) / MiB;
    const { result } = flood;
    return {
      ...costOf(result),
      bestRate: best,
      throughputKept: result.rate / best,
      offeredRate: result.offered / result.seconds,
      heldBack: result.heldBack / result.offered,
      drainMs: result.drainMs,
      normalRate: normal.rate,
      normalP99: normal.p99,
      recovered: again.rate / normal.rate,
      recoveredP99: again.p99,
      memoryMiB: flood.peakMiB,
      memoryBeforeMiB,
      memoryAfterMiB,
      ...(await generator.ask('pairsAccount')),
    };
  },

  /** The first connections load code and grow heaps. Only what each further one costs is measured. */
  async idle(bench) {
    const { generator, pids, settings } = bench;
    const join = (count) => generator.ask('joinCrowd', { ...crowdRequest(bench), count, concurrency: 100 });
    const warm = 100;
    await join(warm);
    await sleep(settings.settleMs);
    const empty = residentBytes(pids);
    const joined = await join(settings.connections - warm);
    await sleep(settings.settleMs);
    const full = residentBytes(pids);
    const { connectionsLost } = await generator.ask('crowdAccount');
    return {
      bytesPerConnection: (full - empty) / (settings.connections - warm),
      memoryMiB: full / MiB,
      emptyMiB: empty / MiB,
      joinedPerSecond: joined.rate,
      connectionsLost,
    };
  },

  /** A server that has just started compiles its code while it accepts. That must not be measured. */
  async accept(bench) {
    const { generator, settings } = bench;
    const request = crowdRequest(bench);
    await generator.ask('joinCrowd', { ...request, count: settings.warmAccepts, concurrency: 100 });
    const joined = await generator.ask('joinCrowd', {
      ...request,
      count: settings.accepts,
      concurrency: 100,
    });
    const { connectionsLost } = await generator.ask('crowdAccount');
    return {
      rate: joined.rate,
      cpuPerConnection: joined.serverCpuUs === null ? null : joined.serverCpuUs / joined.connections,
      generatorBusy: joined.generatorBusy,
      othersBusy: othersBusy(joined),
      memoryMiB: residentBytes(bench.pids) / MiB,
      connectionsLost,
    };
  },
};

function crowdRequest({ running, sources, pids }) {
  return { node: running.nodes[0], dialect: running.dialect, options: running.options, sources, pids };
}
