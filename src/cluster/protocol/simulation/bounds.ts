/** What a scenario lets one expect: by when something is noticed, and how much may be queued. */
import type { Expectations } from './oracles.js';
import { kernelCost } from './kernel.js';
import type { Scenario } from './scenario.js';

/**
 * The time for a round of repair at heavy loss. A third of the records that a NACK names is lost again, several times,
 * and NACKs are lost too.
 */
const REPAIR_ROUND_MS = 100;

/** What one process may take longer than promised: a turn of its own and a timer's lag. */
const SLACK_MS = 25;

/**
 * A dead peer is found after deadAfterMs; what waits for a silent one ends by the same time or after a hold. A
 * publication may wait for a laggard before it leaves, and then be missing for as long as a gap takes.
 */
export function detectionMsOf(scenario: Scenario): number {
  const { timing } = scenario;
  return (
    Math.max(timing.deadAfterMs + timing.holdMs, timing.laggardAfterMs + timing.gapAfterMs) +
    4 * timing.reportIdleMs +
    repairMs(scenario)
  );
}

export function expectationsOf({ timing, limits, paces, hosts }: Scenario): Expectations {
  const slowest = Math.max(...paces.map(({ turnMs, datagramMs }) => 2 * turnMs + 64 * datagramMs));
  const streams = limits.peersMax;
  return {
    barrierMs: timing.barrierMs,
    deadAfterMs: timing.deadAfterMs,
    receiptTimeoutMs: timing.receiptTimeoutMs,
    slackMs: SLACK_MS + slowest,
    queuedBytesMax: 2 * streams * limits.unicastQueueBytes + limits.broadcastRingBytes,
    queuedRecordsMax: 2 * (hosts * 3) * limits.unicastQueueRecords + limits.broadcastRingRecords,
    peersMax: limits.peersMax,
  };
}

/** Whether all senders' smallest windows fit into the smallest receive buffer, beside traffic without a window. */
export function promisesFit({ paces, limits, datagramBytes, mode }: Scenario, hosts: number): boolean {
  const smallest = Math.min(...paces.map(({ receiveBufferBytes }) => receiveBufferBytes));
  const streams = (hosts - 1) * (mode === 'mesh' ? 2 : 1);
  return 2 * streams * limits.windowRecordsMin * kernelCost(datagramBytes) <= smallest;
}

/** How long the largest message may be under repair: a NACK names only so many records, and each round makes progress. */
function repairMs({ workload, limits, datagramBytes }: Scenario): number {
  if (workload.largeShare === 0) return 0;
  return Math.ceil(workload.largeBytes / datagramBytes / limits.nackRecords) * REPAIR_ROUND_MS;
}
