/**
 * Draws the settings of a seed. Swarm testing: every seed draws which faults exist at all, how often they come, and how
 * small the limits are. A seed with all faults at once hides what a seed with two faults shows. So most probabilities
 * are zero most of the time.
 */
import { LIMITS, TIMING, type Limits, type Timing } from '../options.js';
import { CALM, type Conditions } from './conditions.js';
import type { Pace } from './process.js';
import type { Random } from './random.js';
import type { Firewall, IncidentRates, Scenario, Wishes, Workload } from './scenario.js';

export function drawScenario(random: Random, wishes: Wishes): Scenario {
  const lottery = random.float();
  const kind = lottery < 0.05 ? 'calm' : lottery < 0.3 ? 'lossy' : 'chaotic';
  const mode = wishes.mode ?? (random.chance(0.3) ? 'mesh' : 'broadcast');
  const hosts = random.pick([2, 3, 3, 3, 4, 4, 5, 6]);
  const quick = random.chance(0.7);
  const timing = drawTiming(random, quick);
  const isRotating = kind === 'chaotic' && random.chance(0.1);
  const messageBytesMax = random.pick([4_096, 16_384, 65_536, 262_144]);
  return {
    kind,
    mode,
    hosts,
    foreignHosts: random.sometimes(0.15, () => random.integer(1, 2), 0),
    realCipher: random.chance(0.06),
    isRotating,
    chaosMs: (quick ? random.between(2_000, 5_000) : random.between(4_000, 9_000)) + (isRotating ? 2_000 : 0),
    timing,
    limits: { ...drawLimits(random, kind), ...drawRoomPaths(random.fork('room paths')) },
    ...drawPath(random.pick([600, 1_200, 1_200, 1_200, 1_400, 8_900]), random.fork('path'), hosts),
    messageBytesMax,
    conditions: drawConditions(random, kind, hosts),
    incidents: {
      ...drawIncidents(random, kind),
      outage: drawOutages(random.fork('outages'), kind, wishes.outages === true ? 1 : 0.12),
    },
    firewall: drawFirewall(random.fork('firewall'), kind, hosts),
    workload: {
      ...drawWorkload(random, kind, hosts, messageBytesMax),
      bulks: random.fork('bulks').sometimes(0.2, () => 60 / hosts, 0),
      presences: random.fork('presences').sometimes(kind === 'chaotic' ? 0.3 : 0.8, () => 8, 0),
      volatiles: random.fork('volatiles').pick([0, 20, 100]) / hosts,
      toAllShare: random.fork('to all').pick([0, 0.02, 0.2]),
    },
    paces: Array.from({ length: hosts }, () => drawPace(random, kind)),
  };
}

/** Everything four times as fast: the same races in a quarter of the events. */
function drawTiming(random: Random, quick: boolean): Timing {
  if (!quick) return TIMING;
  return {
    ...TIMING,
    unheardAfterMs: random.pick([50, 100]),
    reportIntervalMs: random.pick([50, 80, 120]),
    reportIdleMs: random.pick([120, 180]),
    silentAfterMs: 400,
    deadAfterMs: random.pick([900, 1_300]),
    heardForgetMs: 1_300,
    notMutualAfterMs: 400,
    gapAfterMs: random.pick([300, 700]),
    laggardAfterMs: random.pick([250, 500]),
    stalledAfterMs: 300,
    holdMs: random.pick([30, 200, 1_000]),
    lingerMs: random.pick([20, 300, 1_500]),
    settleMaxMs: 1_000,
    deafAfterMs: 500,
    knockIntervalMs: 150,
    gossipIntervalMs: 600,
    pingIntervalMs: 1_000,
    pathProbeMs: 60,
    pathRetryMs: 500,
    pathRetryMaxMs: 10_000,
    drainMaxMs: 200,
  };
}

function drawLimits(random: Random, kind: Scenario['kind']): Limits {
  if (kind === 'calm' || random.chance(0.4)) return LIMITS;
  return {
    ...LIMITS,
    unicastWindowRecords: random.pick([16, 64, 256]),
    broadcastWindowRecords: random.pick([16, 64, 512]),
    windowRecordsMin: random.pick([2, 16]),
    unicastQueueRecords: random.pick([16, 64, 512, 4_096]),
    unicastQueueBytes: random.pick([64 << 10, 1 << 20, 4 << 20]),
    broadcastRingRecords: random.pick([32, 128, 1_024, 8_192]),
    broadcastRingBytes: random.pick([64 << 10, 1 << 20, 8 << 20]),
    nackRanges: random.pick([2, 8, 32]),
    nackRecords: random.pick([8, 64, 256]),
    removalsMax: random.pick([0, 2, 65_536, 65_536, 65_536]),
    lingeringMax: random.pick([2, 65_536]),
    snapshotRecords: random.pick([1, 4, 64]),
    receiptsMax: random.pick([500, 1_000, 1 << 19]),
    questionsMax: random.pick([2, 1_024]),
  };
}

/** Few nodes suffice for a broadcast, so that rooms change their way often. */
function drawRoomPaths(random: Random): Pick<Limits, 'broadcastHoldersMin' | 'roomMarksMax'> {
  return {
    broadcastHoldersMin: random.pick([1, 2, 2, 4]),
    roomMarksMax: random.pick([1, 2, 16_384, 16_384]),
  };
}

function drawConditions(random: Random, kind: Scenario['kind'], hosts: number): Conditions {
  const base = { ...CALM, delayMs: random.between(0.05, 0.5), jitterMs: random.between(0, 0.5) };
  if (kind === 'calm') return base;
  if (kind === 'lossy') {
    return {
      ...base,
      loss: random.pick([0.01, 0.05, 0.1]),
      duplicate: random.sometimes(0.3, () => 0.05, 0),
      reorder: random.sometimes(0.3, () => 0.1, 0),
      reorderMs: 3,
    };
  }
  return {
    ...base,
    loss: random.sometimes(0.4, () => random.pick([0.01, 0.05, 0.1, 0.3]), 0),
    broadcastLoss: random.sometimes(0.2, () => random.pick([0.05, 0.2, 0.5]), 0),
    receiverLoss: random.sometimes(
      0.15,
      () => ({ receiver: random.below(hosts), loss: random.pick([0.1, 0.3, 0.6]) }),
      null,
    ),
    sizeLoss: random.sometimes(0.15, () => drawSizeLoss(random), null),
    burst: random.sometimes(0.2, () => ({ enter: 0.01, leave: random.pick([0.02, 0.1]), loss: 0.9 }), null),
    duplicate: random.sometimes(0.25, () => random.pick([0.02, 0.2]), 0),
    reorder: random.sometimes(0.3, () => random.pick([0.05, 0.3]), 0),
    reorderMs: random.pick([1, 5, 30]),
    tail: random.sometimes(0.2, () => random.pick([0.01, 0.05]), 0),
    tailMs: random.pick([50, 300, 1_500]),
    replay: random.sometimes(0.2, () => random.pick([0.02, 0.2]), 0),
    flip: random.sometimes(0.1, () => random.pick([0.01, 0.05]), 0),
  };
}

function drawSizeLoss(random: Random): Conditions['sizeLoss'] {
  const [from, to] = random.pick([
    [0, 80],
    [81, 200],
    [201, 600],
    [601, 9_000],
  ] as const);
  return { from, to, loss: random.pick([0.3, 0.7]) };
}

function drawIncidents(random: Random, kind: Scenario['kind']): Omit<IncidentRates, 'outage'> {
  const rate = (probability: number, perSecond: number): number =>
    kind === 'chaotic' && random.chance(probability) ? perSecond * random.between(0.5, 2) : 0;
  return {
    crash: rate(0.3, 0.3),
    massCrash: rate(0.06, 0.2),
    shutdown: rate(0.15, 0.3),
    pause: rate(0.25, 0.4),
    suspend: rate(0.08, 0.3),
    leap: rate(0.08, 0.3),
    clog: rate(0.2, 1),
    partition: rate(0.15, 0.4),
    oneWay: rate(0.15, 0.4),
    isolate: rate(0.15, 0.4),
    flap: rate(0.08, 0.3),
    flip: rate(0.12, 0.5),
    narrow: rate(0.06, 0.3),
    slow: rate(0.12, 0.3),
  };
}

function drawOutages(random: Random, kind: Scenario['kind'], probability: number): number {
  return kind === 'chaotic' && random.chance(probability) ? random.between(0.15, 0.6) : 0;
}

function drawPath(
  datagramBytes: number,
  random: Random,
  hosts: number,
): Pick<Scenario, 'datagramBytes' | 'datagramBytesMax' | 'frameBytes' | 'filter'> {
  return {
    datagramBytes,
    datagramBytesMax: random.pick([datagramBytes, 8_900, 32_768, 32_768, 32_768]),
    // The smallest size, which every path must take, fits into one frame.
    frameBytes: datagramBytes === 8_900 ? 9_000 : random.pick([1_500, 1_500, 9_000, 65_536]),
    filter: random.sometimes(
      0.2,
      () => ({ host: random.below(hosts), closesAt: random.sometimes(0.7, () => random.float(), 0) }),
      null,
    ),
  };
}

function drawFirewall(random: Random, kind: Scenario['kind'], hosts: number): Firewall | null {
  if (kind !== 'chaotic' || !random.chance(0.08)) return null;
  const host = random.below(hosts);
  const deafTo = random.chance(0.5) ? null : (host + 1 + random.below(hosts - 1)) % hosts;
  return { host, closesAt: random.sometimes(0.5, () => random.between(0.1, 0.8), 0), deafTo };
}

function drawWorkload(
  random: Random,
  kind: Scenario['kind'],
  hosts: number,
  messageBytesMax: number,
): Omit<Workload, 'bulks' | 'volatiles' | 'toAllShare' | 'presences'> {
  const rooms = random.fork('rooms');
  const busy = random.pick([0.3, 1, 1, 1, 3, 6]);
  const churn = random.pick([0.2, 1, 1, 5]);
  return {
    users: random.pick([2, 5, 12, 30]),
    offlineUsers: 2,
    rooms: rooms.pick([0, 1, 3, 10]),
    joins: 5 * churn,
    leaves: 4 * churn,
    devicesPerNodeMax: random.pick([3, 8, 20]),
    sends: (60 * busy) / hosts,
    receiptShare: random.pick([0, 0.3, 1]),
    burstShare: random.sometimes(0.3, () => 0.02, 0),
    burstMessages: random.pick([20, 100]),
    largeShare: random.sometimes(kind === 'lossy' ? 0.5 : 0.3, () => 0.03, 0),
    largeBytes: messageBytesMax,
    publications: random.sometimes(0.5, () => random.pick([1, 10]), 0),
    questions: random.sometimes(0.3, () => 1, 0),
    storms: random.sometimes(0.15, () => 0.3, 0),
    stormJoins: random.pick([30, 150]),
  };
}

function drawPace(random: Random, kind: Scenario['kind']): Pace {
  const slow = kind === 'chaotic' && random.chance(0.06);
  return {
    turnMs: slow ? random.pick([2, 5]) : random.between(0.02, 0.3),
    datagramMs: slow ? 0.3 : 0.01,
    datagramsPerTurn: slow ? random.pick([4, 8]) : 32,
    timerLagMs: random.between(0, 1.2),
    receiveBufferBytes: kind === 'calm' ? 8 << 20 : random.pick([212_992, 425_984, 425_984, 8 << 20]),
    ownSocketFirst: random.chance(0.5),
  };
}
