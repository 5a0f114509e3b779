import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';

const tickUs = 1e6 / Number(attempt(() => execFileSync('getconf', ['CLK_TCK'])) ?? 100);

function attempt(action) {
  try {
    return action();
  } catch {
    return null;
  }
}

/**
 * The CPU time that a process has used: all threads, user and kernel. Null where the system has no /proc.
 * @returns {number | null} microseconds
 */
export function cpuUs(pid) {
  const stat = attempt(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  if (!stat) return null;
  // The name in parentheses may itself hold spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * tickUs;
}

/** CPU time of each thread, to the nanosecond. It shows whether one thread limited a server. */
export function threadsUs(pid) {
  const threads = new Map();
  for (const tid of attempt(() => readdirSync(`/proc/${pid}/task`)) ?? []) {
    const stat = attempt(() => readFileSync(`/proc/${pid}/task/${tid}/schedstat`, 'latin1'));
    if (stat) threads.set(tid, Number(stat.split(' ')[0]) / 1000);
  }
  return threads;
}

/** The CPU times of several processes at this moment. `cpuBetween` takes two of these. */
export function cpuSnapshot(pids) {
  return pids.map((pid) => ({ pid, total: cpuUs(pid), threads: threadsUs(pid) }));
}

export function cpuBetween(before, after) {
  let total = 0;
  let busiest = 0;
  for (const [index, end] of after.entries()) {
    const start = before[index];
    if (end.total === null || start.total === null) return { totalUs: null, busiestThreadUs: null };
    total += end.total - start.total;
    for (const [tid, us] of end.threads) busiest = Math.max(busiest, us - (start.threads.get(tid) ?? 0));
  }
  return { totalUs: total, busiestThreadUs: busiest };
}

/** Resident bytes of several processes. */
export function residentBytes(pids) {
  let sum = 0;
  for (const pid of pids) {
    const status = attempt(() => readFileSync(`/proc/${pid}/status`, 'latin1')) ?? '';
    sum += Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) * 1024;
  }
  return sum;
}

/** CPU time of the whole machine, with all other programs on it. */
export function machineBusyUs() {
  const line = attempt(() => readFileSync('/proc/stat', 'latin1'))?.split('\n')[0];
  if (!line) return null;
  const [user, nice, system, , , irq, softirq] = line.split(/\s+/).slice(1).map(Number);
  return (user + nice + system + irq + softirq) * tickUs;
}
