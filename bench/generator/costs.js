import { setTimeout as sleep } from 'node:timers/promises';
import { cpuBetween, cpuSnapshot, machineBusyUs } from '../lib/proc.js';

/** Waits for `ms`, and says what the servers, the generator and the machine used meanwhile. */
export async function measureCosts(ms, pids) {
  const machine = machineBusyUs();
  const own = process.cpuUsage();
  const before = cpuSnapshot(pids);
  const start = performance.now();
  await sleep(ms);
  const elapsedMs = performance.now() - start;
  const cpu = cpuBetween(before, cpuSnapshot(pids));
  const { user, system } = process.cpuUsage(own);
  return {
    seconds: elapsedMs / 1000,
    serverCpuUs: cpu.totalUs,
    busiestThread: cpu.busiestThreadUs === null ? null : cpu.busiestThreadUs / 1000 / elapsedMs,
    generatorCpuUs: user + system,
    generatorBusy: (user + system) / 1000 / elapsedMs,
    machineUs: machine === null ? null : machineBusyUs() - machine,
  };
}
