import { cpuBetween, cpuSnapshot, machineBusyUs } from '../lib/proc.js';
import { Client } from './client.js';

/** Many clients that only connect and stay. */
export class Crowd {
  #clients = [];
  #lost = 0;

  /** Connects `count` more, `concurrency` at a time, and says how long that took. */
  async join({ count, concurrency, node, dialect, options, sources, pids }) {
    const first = this.#clients.length;
    const fresh = Array.from(
      { length: count },
      (_, index) => new Client(dialect, `c${first + index}`, options),
    );
    for (const client of fresh) client.onLost = () => this.#lost++;
    this.#clients.push(...fresh);

    const machine = machineBusyUs();
    const own = process.cpuUsage();
    const before = cpuSnapshot(pids);
    const start = performance.now();
    let next = 0;
    const worker = async () => {
      while (next < fresh.length) {
        const index = next++;
        await fresh[index].connect({ ...node, localAddress: sources?.[index % sources.length] });
      }
    };
    await Promise.all(Array.from({ length: concurrency }, worker));
    const ms = performance.now() - start;
    const { user, system } = process.cpuUsage(own);
    const cpu = cpuBetween(before, cpuSnapshot(pids));
    return {
      connections: count,
      seconds: ms / 1000,
      rate: count / (ms / 1000),
      serverCpuUs: cpu.totalUs,
      generatorCpuUs: user + system,
      machineUs: machine === null ? null : machineBusyUs() - machine,
      generatorBusy: (user + system) / 1000 / ms,
    };
  }

  close() {
    for (const client of this.#clients) client.close();
  }

  account() {
    return { connectionsLost: this.#lost };
  }
}
