import { readdirSync, readFileSync } from 'node:fs';

/** Milliseconds of this process's CPU that `work` takes: other processes on the machine do not count. */
export function measure(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

/** Time a process's threads have had a CPU so far, in milliseconds: the scheduler's own count, not samples of it. */
export function processCpuMs(pid: number): number {
  let nanoseconds = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
  }
  return nanoseconds / 1e6;
}
