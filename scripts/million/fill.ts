/**
 * Opens all connections. A few nodes are filled at the same time, and the next one begins when one of them is full. If all
 * of them were, on a machine with fewer processors than nodes, each would wait for all others to have their turn, and name
 * them late.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fleet } from './fleet.js';
import type { Holders } from './holders.js';
import { gigabytes, MEMORY_LEFT_MIN_BYTES, memoryLeftBytes, type Plan } from './plan.js';

const POLL_MS = 250;
const PROGRESS_MS = 10_000;
/** Nothing has changed for so long: it will not. */
const STUCK_MS = 30_000;
const SHARE_OF_THE_RUN = 0.5;

interface Filled {
  readonly opened: number;
  readonly tookMs: number;
  /** Why there are not more. Null: all are open. */
  readonly endedBy: string | null;
}

export async function fill(
  plan: Plan,
  fleet: Fleet,
  holders: Holders,
  print: (line: string) => void,
): Promise<Filled> {
  const wanted = plan.nodes * plan.connections;
  const began = performance.now();
  const until = began + plan.minutes * 60_000 * SHARE_OF_THE_RUN;
  let begun = 0;
  let told = began;
  let toldOpen = 0;
  let changedAt = began;
  let open = 0;
  for (;;) {
    const reports = await Promise.all(holders.all.slice(0, begun).map(async (holder) => holder.report()));
    const now = performance.now();
    const sum = reports.reduce((total, report) => total + report.open, 0);
    if (sum !== open) changedAt = now;
    open = sum;
    if (open === wanted) return { opened: open, tookMs: now - began, endedBy: null };
    const left = memoryLeftBytes();
    const endedBy = reasonToEnd({ left, isLate: now > until, isStuck: now - changedAt > STUCK_MS });
    if (endedBy !== null) return { ...(await settle(holders)), tookMs: now - began, endedBy };
    const full = reports.filter(({ connections, open: own }) => own === connections).length;
    for (; begun < plan.nodes && begun - full < plan.filling; begun += 1) {
      const holder = holders.all[begun];
      holder?.tell(`targets ${plan.jitterMs} ${fleet.ports[begun]}`);
      holder?.tell(`fill ${plan.waiting}`);
    }
    if (now - told >= PROGRESS_MS) {
      const perSecond = ((open - toldOpen) * 1_000) / (now - told);
      print(`${open} of ${wanted} open, ${perSecond.toFixed(0)} a second, ${gigabytes(left)} of memory left`);
      [told, toldOpen] = [now, open];
    }
    await sleep(POLL_MS);
  }
}

function reasonToEnd({ left, isLate, isStuck }: { left: number; isLate: boolean; isStuck: boolean }) {
  if (left < MEMORY_LEFT_MIN_BYTES) return `only ${gigabytes(left)} of memory were left`;
  if (isLate) return 'its time was over';
  return isStuck ? `no connection was opened for ${STUCK_MS / 1_000} s` : null;
}

/** No more connections are begun. Those that are being opened come to an end. */
async function settle(holders: Holders): Promise<Pick<Filled, 'opened'>> {
  holders.tell('enough');
  for (const until = performance.now() + STUCK_MS; ; await sleep(POLL_MS)) {
    const { open, connections } = (await holders.totals()).counters;
    if (open === connections || performance.now() > until) return { opened: open };
  }
}
