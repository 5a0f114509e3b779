import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { LIMITS, TIMING } from './options.js';

const time = (ms: number) => (ms < 1_000 ? `${ms} ms` : `${ms / 1_000} s`);
const count = (value: number) => String(value);
const mebibytes = (bytes: number) => `${bytes / 2 ** 20} MiB`;

const T = TIMING;
const L = LIMITS;

/** What the first cells of the table's rows must hold, in the words of the page. */
const ROWS: Readonly<Record<string, readonly string[]>> = {
  report: [`${time(T.reportIdleMs)} ±10%`, time(T.reportIntervalMs), `above ${T.reportMembersFlat} members`],
  'silent, dead': [time(T.silentAfterMs), `dead ${time(T.deadAfterMs - T.silentAfterMs)} later`],
  'HELLO retry': [`${time(T.helloRetryMs)} doubling to ${time(T.reportIntervalMs)}`],
  ack: [time(T.ackDelayMs), `${time(T.ackUrgentMs)} for announcements`],
  POLL: [`${time(T.pollAfterMs)} + 2 round trips`, `doubling to ${time(T.pollIntervalMaxMs)}`],
  NACK: [
    `U ${time(T.nackUnicastMs)}, B ${T.nackBroadcastMs}–${time(2 * T.nackBroadcastMs)}`,
    `again from ${time(T.nackRetryMs)} doubling to ${time(T.nackRetryMaxMs)}`,
    `${L.nackRanges} ranges, ${L.nackRecords} records`,
  ],
  repair: [`within ${time(T.repairLingerMs)}`],
  gap: [`${time(T.gapAfterMs)} unrepaired`],
  window: [`${L.broadcastWindowRecords} B / ${L.unicastWindowRecords} U`, `at least ${L.windowRecordsMin}`],
  laggard: [`for ${time(T.laggardAfterMs)}`, `for ${time(T.unheardAfterMs)}`],
  stalled: [time(T.stalledAfterMs)],
  'U queue': [
    mebibytes(L.unicastQueueBytes),
    `${L.unicastQueueRecords} records`,
    `more than ${L.unicastQueuesBytes / L.unicastQueueBytes} peers`,
    mebibytes(L.unicastQueuesBytes),
  ],
  'B ring': [mebibytes(L.broadcastRingBytes), `${L.broadcastRingRecords} records`],
  'barrier, hold, receipt': [[T.barrierMs, T.holdMs, T.receiptTimeoutMs].map(time).join(', ')],
  waiting: [`${L.receiptsMax} receipts`, `${L.questionsMax} questions`, mebibytes(L.answerBytes)],
  settle: [`${T.settleReports} reports`, time(T.settleMaxMs)],
  members: [L.peersMax, L.heardMax, L.tombstonesMax].map(count),
};

describe('docs/cluster-protocol.md', () => {
  const [, section = ''] = readFileSync('docs/cluster-protocol.md', 'utf8').split('\n## Timers and limits\n');
  const rows = new Map(
    [...(section.split('\n## ')[0] ?? '').matchAll(/^\| ([^|]+) \| ([^|]+) \|/gm)].map(([, name, value]) => [
      name,
      value,
    ]),
  );

  it.each(Object.entries(ROWS))('has %s as it is by default', (name, texts) => {
    for (const text of texts) expect(rows.get(name)).toContain(text);
  });
});
