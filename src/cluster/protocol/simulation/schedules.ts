/**
 * Directed schedules: sequences of events that seeds hardly ever produce, each for one rule of the protocol. Each is a
 * function that throws a `Violation`, so that a mutation can name the schedule that notices it.
 */
import { TIMING } from '../options.js';
import { calmWorld } from './calm-world.js';
import * as presence from './presence-schedules.js';
import { Violation } from './violation.js';
import type { World } from './world.js';

/** The peers are judged at least this often, with room for the jitter of reports. */
const JUDGED_WITHIN_MS = 1_500;

/**
 * R6: a report is held back on the network, and arrives only after its sender has died. Newer reports have arrived
 * before it. So it must not count as a sign of life.
 */
function overtakenReport(): void {
  const world = calmWorld(2);
  const [listener, sender] = world.hosts;
  if (listener === undefined || sender === undefined) throw new RangeError('two hosts were started');
  const source = sender.running?.process.endpoint ?? '';
  const report = holdBackReport(world, sender.index);
  world.runFor(3 * TIMING.reportIdleMs);
  world.crash(sender);
  world.runFor(TIMING.deadAfterMs - 2 * TIMING.reportIdleMs);
  listener.deliver('shared', report, source);
  world.runFor(2 * TIMING.reportIdleMs + JUDGED_WITHIN_MS);
  if (listener.running?.process.node.peers().length !== 0) {
    throw new Violation('liveness', 'a report that was overtaken keeps its dead sender alive');
  }
}

/** Loses the next report of a host, and returns it. In an idle cluster of two nothing else is broadcast. */
function holdBackReport(world: World, host: number): Buffer {
  let report: Buffer | undefined;
  world.network.intercept((from, { bytes, to }) => {
    if (report !== undefined || from.index !== host || to !== null) return false;
    report = bytes;
    return true;
  });
  while (report === undefined) world.runFor(TIMING.reportIdleMs);
  return report;
}

export const SCHEDULES = { overtakenReport, ...presence };
export type ScheduleName = keyof typeof SCHEDULES;
