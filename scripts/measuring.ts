/** Milliseconds of this process's CPU that `work` takes: other processes on the machine do not count. */
export function measure(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}
