/**
 * One seed, from the first boot to the verdict.
 *
 * Chaos: faults and workload together. Calm: faults stop, nodes that were down are started, and the cluster has a
 * bounded time to recover. Proof: it is used once more, and must work perfectly. Every promise is checked all the time.
 * A broken one ends the run with a `Violation`.
 */
import { promisesFit } from './bounds.js';
import { Convergence } from './convergence.js';
import { Faults } from './faults.js';
import { Random } from './random.js';
import type { Scenario, Wishes } from './scenario.js';
import { drawScenario } from './swarm.js';
import type { Word } from './timeline.js';
import { Violation } from './violation.js';
import { BULK_MESSAGES, Workload } from './workload.js';
import { World } from './world.js';

export interface Outcome {
  readonly seed: number;
  readonly scenario: Scenario;
  readonly violation: Violation | null;
  readonly traceHash: string;
  readonly virtualMs: number;
  readonly boots: number;
  readonly accepted: number;
  readonly delivered: number;
  readonly excused: number;
  readonly broadcasts: number;
  readonly datagrams: number;
  readonly lost: number;
  readonly repaired: number;
  readonly words: Readonly<Record<Word, number>>;
}

export interface Options extends Wishes {
  readonly onLine?: ((line: string) => void) | undefined;
}

/** Repairs may exceed losses: a NACK may cross a repair, a lost repair is sent again, and both may be doubled. */
const REPAIRS_PER_LOSS = 3;
const REPAIRS_FREE = 200;
/** A process that stands still or crawls does not read its sockets, so its peers take datagrams for lost. */
const REPAIRS_PER_STALL = 100;
/** A machine that is slow for the whole run does so again and again. */
const REPAIRS_PER_SLOW_MACHINE = 500;
const SLOW_TURN_MS = 2;

/** The grace, questions that are asked again, and what waits to be shown. */
const PRESENCE_SETTLED_MS = 4_000;

/** Three LEAVEs, 20 ms apart, and the turns of slow machines. */
const GOOD_BYE_MS = 200;

const ALARMS: readonly Word[] = ['gap', 'lost', 'incomplete', 'not-mutual', 'lost-peer', 'left', 'rejoined'];
const ALARMING_LOSS = 0.05;
/** More than leave while a snapshot loads. */
const REMOVALS_PLENTY = 1_000;

export function simulate(seed: number, options: Options = {}): Outcome {
  const random = new Random(seed);
  const scenario = drawScenario(random.fork('scenario'), options);
  const world = new World(scenario, random);
  if (options.onLine !== undefined) world.trace.listen(options.onLine);
  let violation: Violation | null = null;
  try {
    run(world, random);
  } catch (error) {
    violation = error instanceof Violation ? error : new Violation('crash', describeError(error));
  }
  const { promises, network, trace } = world;
  return {
    seed,
    scenario,
    violation,
    traceHash: trace.hash,
    virtualMs: world.schedule.now,
    boots: world.boots.length,
    accepted: promises.accepted,
    delivered: promises.delivered,
    excused: promises.excused,
    broadcasts: promises.broadcasts,
    datagrams: network.sent,
    lost: network.lost.datagrams,
    repaired: world.repaired(),
    words: { ...world.timeline.counts },
  };
}

function run(world: World, random: Random): void {
  const { scenario, promises, schedule, timeline } = world;
  const { timing } = scenario;
  const faults = new Faults(world, random);
  const workload = new Workload(world, random);
  const starts = random.fork('starts');
  const isSlowStart = starts.chance(0.3);
  for (const host of world.hosts) {
    schedule.after(isSlowStart ? starts.between(0, 1_500) : starts.between(0, 5), () => world.boot(host));
  }
  faults.start();
  workload.start();
  runAndJudge(world, scenario.chaosMs);

  faults.stop();
  workload.stop();
  const ends = world.hosts.flatMap((host) => [host.running?.process.pausedUntil ?? 0, host.cutOffUntil]);
  schedule.runUntil(Math.max(schedule.now, ...ends));
  runAndJudge(
    world,
    world.detectionMs +
      timing.settleMaxMs +
      timing.gapAfterMs +
      4 * timing.gossipIntervalMs +
      (scenario.workload.presences > 0 ? PRESENCE_SETTLED_MS : 0),
  );

  const convergence = new Convergence(world);
  convergence.check();
  const perfectSince = schedule.now;
  convergence.prove();
  runAndJudge(world, timing.receiptTimeoutMs + 200);
  convergence.judgeProof();
  convergence.check();
  runAndJudge(world, world.detectionMs + 1);
  promises.finish(schedule.now);
  convergence.check();
  const living = world.boots.filter(({ endedAt }) => endedAt === Infinity);
  const [complaint] = timeline.wordsSince(perfectSince, living);
  if (complaint !== undefined) throw new Violation('liveness', `in perfect calm: ${complaint}`);
  judgeTraffic(world);
  judgeAlarms(world);
  const leaver = convergence.sayGoodBye();
  world.runFor(timing.drainMaxMs + GOOD_BYE_MS);
  convergence.judgeGoodBye(leaver);
}

/** In steps, so that a broken promise is found near where it broke. */
function runAndJudge(world: World, milliseconds: number): void {
  const end = world.schedule.now + milliseconds;
  while (world.schedule.now < end) {
    world.runFor(Math.min(200, end - world.schedule.now));
    world.promises.judge(world.schedule.now);
  }
}

function judgeTraffic(world: World): void {
  const { lost, duplicated, disordered, clogged, wide } = world.network;
  const { datagramBytes, timing } = world.scenario;
  wide.judge(world.schedule.now, timing);
  const overruns = world.hosts.map((host) => host.overruns);
  let missing = 0;
  for (const tally of [lost, duplicated, disordered, clogged, ...overruns])
    missing += tally.records(datagramBytes);
  const slow = world.scenario.paces.filter(({ turnMs }) => turnMs >= SLOW_TURN_MS).length;
  const allowed =
    REPAIRS_FREE +
    REPAIRS_PER_LOSS * missing +
    REPAIRS_PER_STALL * world.stalls +
    REPAIRS_PER_SLOW_MACHINE * slow;
  const repaired = world.repaired();
  if (repaired > allowed)
    throw new Violation('repair', `${repaired} repairs for ${missing} records lost, late or doubled`);
}

/** If repair was enough for all faults of the run, no node may report a gap, except `late`: 150 ms is short. */
function judgeAlarms(world: World): void {
  const { scenario, timeline } = world;
  if (scenario.kind === 'chaotic' || scenario.conditions.loss > ALARMING_LOSS) return;
  if (world.overruns() > 0 && promisesFit(world.scenario, world.hosts.length)) {
    throw new Violation(
      'flow control',
      `${world.overruns()} datagrams found a receive buffer full, though nobody was slow`,
    );
  }
  for (const word of ALARMS) {
    // A late peer is not mutual until it has caught up.
    if (word === 'not-mutual' && timeline.counts.late > 0) continue;
    // Messages that no queue has room for may be dropped only while a peer's session is not open yet.
    if (word === 'incomplete' && !hasRoomForAll(scenario)) continue;
    // A replica that may be stale is loaded again.
    if ((word === 'rejoined' || word === 'gap') && scenario.limits.removalsMax < REMOVALS_PLENTY) continue;
    const count = timeline.counts[word];
    if (count > 0)
      throw new Violation('false alarm', `${count} times "${word}", with ${scenario.conditions.loss} loss`);
  }
}

/** Whether each message, and each bulk of messages, has room in a queue of its own. */
function hasRoomForAll({ limits, messageBytesMax, workload }: Scenario): boolean {
  if (limits.unicastQueueBytes < messageBytesMax) return false;
  return workload.bulks === 0 || limits.unicastQueueRecords >= BULK_MESSAGES;
}

function describeError(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
