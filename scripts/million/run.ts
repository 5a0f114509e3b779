/**
 * Fills a cluster with clients that stay, and shows what it does then: idle, with messages between random users, with a
 * room across all nodes, when a node is killed, and when nodes are replaced one by one.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { processCpuMs } from '../measuring.js';
import { Fleet, proportionalBytes } from './fleet.js';
import { Holder } from './holder.js';
import { Holders, type Latency, type Totals } from './holders.js';
import { gigabytes, kernelBytes, type Plan } from './plan.js';
import { tokenOf } from './tokens.js';

const ROOM = 'all';
const ROOM_MEMBER_EVERY = 1_000;
const PUBLISHED_PER_SECOND = 2;
const PROGRESS_MS = 1_000;
/** Longer than a message travels, however busy the machine is. */
const ARRIVAL_MAX_MS = 20_000;
/** Nothing has changed for so long: it will not. */
const STUCK_MS = 60_000;

/** A line of the table. */
export type Row = readonly [string, string];

export interface Outcome {
  readonly rows: readonly Row[];
  /** What should not have happened. */
  readonly faults: readonly string[];
  /** How often a node was named late while the cluster was filled. */
  readonly late: number;
  readonly connections: number;
}

export async function runMillion(plan: Plan, print: (line: string) => void): Promise<Outcome> {
  const program = Holder.compile();
  const fleet = new Fleet(plan.heartbeats);
  const holders = new Holders(Array.from({ length: plan.nodes }, (_, index) => Holder.start(program, index)));
  const end = (): void => {
    holders.stop();
    fleet.end();
  };
  process.once('exit', end);
  try {
    return await new Run(plan, fleet, holders, print).outcome();
  } finally {
    process.off('exit', end);
    holders.stop();
    await fleet.stop();
  }
}

class Run {
  readonly #rows: Row[] = [];
  readonly #faults: string[] = [];
  #emptyBytes = 0;
  #late = 0;
  readonly #kernelBytes = kernelBytes();

  constructor(
    private readonly plan: Plan,
    private readonly fleet: Fleet,
    private readonly holders: Holders,
    private readonly print: (line: string) => void,
  ) {}

  async outcome(): Promise<Outcome> {
    await this.#start();
    await this.#fill();
    await this.#memory();
    await this.#idle();
    await this.#messages();
    await this.#room();
    await this.#killed();
    await this.#replaced();
    const { counters } = await this.holders.totals();
    return { rows: this.#rows, faults: this.#faults, late: this.#late, connections: counters.open };
  }

  get #wanted(): number {
    return this.plan.nodes * this.plan.connections;
  }

  async #start(): Promise<void> {
    const { fleet, plan } = this;
    const began = performance.now();
    for (let node = 0; node < plan.nodes; node += 1) await fleet.start();
    this.print(`${plan.nodes} nodes serve, after ${seconds(performance.now() - began)}`);
    this.#emptyBytes = fleet.memoryBytes();
    this.#row(
      'nodes, empty',
      `${gigabytes(this.#emptyBytes)}, started in ${seconds(performance.now() - began)}`,
    );
    for (const [index, holder] of this.holders.all.entries()) {
      for (let client = 0; client < plan.connections; client += 1) {
        holder.tell(`token ${tokenOf(`u${index * plan.connections + client}`, fleet.secret)}`);
      }
    }
  }

  async #fill(): Promise<void> {
    const { fleet, holders, plan } = this;
    for (const [index, holder] of holders.all.entries()) {
      holder.tell(`targets ${plan.jitterMs} ${fleet.ports[index]}`);
      holder.tell(`fill ${plan.waiting}`);
    }
    const cpuMs = fleet.cpuMs();
    const took = await this.#untilAll('filling', 0);
    this.#late = await fleet.metric('lanfare_gaps_total', 'kind="late"');
    const perSecond = (this.#wanted * 1_000) / took;
    const perJoin = ((fleet.cpuMs() - cpuMs) * 1_000) / this.#wanted;
    this.#row(
      'filled',
      `${this.#wanted} in ${seconds(took)}: ${perSecond.toFixed(0)} a second, ${perJoin.toFixed(0)} us of all nodes each; late: ${this.#late}`,
    );
  }

  async #memory(): Promise<void> {
    const { fleet, holders } = this;
    const nodes = fleet.memoryBytes();
    const clients = holders.all.reduce((sum, { pid }) => sum + proportionalBytes(pid), 0);
    const kernel = kernelBytes() - this.#kernelBytes;
    const directory = await fleet.metric('lanfare_directory_bytes');
    this.#row('memory of the nodes', `${gigabytes(nodes)}, of it the directory ${gigabytes(directory)}`);
    this.#row('memory of the clients', gigabytes(clients));
    this.#row('memory of the kernel', gigabytes(kernel));
    this.#row(
      'a connection, without the empty nodes',
      `${((nodes + clients + kernel - this.#emptyBytes) / this.#wanted / 1_000).toFixed(1)} kB`,
    );
  }

  async #idle(): Promise<void> {
    const cpu = await this.#cpuDuring(async () => sleep(this.plan.idleMs));
    this.#row(`idle, heartbeats ${this.plan.heartbeats ? 'on' : 'off'}`, cpu);
  }

  async #messages(): Promise<void> {
    const { holders, plan } = this;
    const before = await holders.totals();
    const cpu = await this.#cpuDuring(async () => {
      holders.share(plan.messagesPerSecond, (perSecond) => `send ${perSecond} ${this.#wanted}`);
      await sleep(plan.messageSeconds * 1_000);
      holders.tell(`send 0 ${this.#wanted}`);
    });
    const after = await this.#arrived(
      ({ sent, received }) => received - before.counters.received >= sent - before.counters.sent,
    );
    const sent = after.counters.sent - before.counters.sent;
    const lost = sent - (after.counters.received - before.counters.received);
    this.#row('messages between random users', `${sent} sent, ${lost} lost, ${after.latency.text}`);
    this.#row('meanwhile', cpu);
    if (lost !== 0) this.#faults.push(`${lost} messages of ${sent} were lost`);
  }

  async #room(): Promise<void> {
    const { holders, plan } = this;
    const before = await holders.totals();
    const members = await holders.join(ROOM, ROOM_MEMBER_EVERY);
    const joined = await this.#arrived(({ acks }) => acks - before.counters.acks >= members);
    const acks = joined.counters.acks - before.counters.acks;
    if (acks !== members) this.#faults.push(`${members} members asked to join, and ${acks} were answered`);
    holders.all[0]?.tell(`publish ${PUBLISHED_PER_SECOND} ${ROOM}`);
    await sleep(Math.max(1_000, (plan.messageSeconds * 1_000) / 4));
    holders.all[0]?.tell('publish 0');
    const after = await this.#arrived(
      (now) =>
        now.roomReceived - before.counters.roomReceived >=
        (now.published - before.counters.published) * members,
    );
    const published = after.counters.published - before.counters.published;
    const lost = published * members - (after.counters.roomReceived - before.counters.roomReceived);
    this.#row(
      `a room of ${members} on all nodes`,
      `${published} published, ${lost} of ${published * members} copies lost, ${after.roomLatency.text}`,
    );
    if (lost !== 0) this.#faults.push(`${lost} copies of the room's messages were lost`);
  }

  async #killed(): Promise<void> {
    const { fleet, holders, plan } = this;
    const [victim] = fleet.nodes;
    if (victim === undefined) return;
    const { counters } = await holders.totals();
    holders.tell('anew');
    holders.share(plan.messagesPerSecond / 10, (perSecond) => `send ${perSecond} ${this.#wanted}`);
    const others = fleet.ports.filter((port) => port !== victim.process.port);
    holders.tell(`targets ${plan.jitterMs} ${others.join(' ')}`);
    await fleet.kill(victim);
    const took = await this.#untilAll(`${victim.name} was killed`, counters.closed + plan.connections);
    holders.tell(`send 0 ${this.#wanted}`);
    const { latency } = await holders.totals();
    this.#row(`${victim.name} killed`, this.#return(took, latency));
  }

  async #replaced(): Promise<void> {
    const { fleet, holders, plan } = this;
    for (let count = 0; count < plan.replaced; count += 1) {
      const old = fleet.nodes[0];
      if (old === undefined) return;
      const fresh = await fleet.start();
      const { counters } = await holders.totals();
      holders.tell('anew');
      holders.share(plan.messagesPerSecond / 10, (perSecond) => `send ${perSecond} ${this.#wanted}`);
      // as a proxy does that sends clients where there are least
      holders.tell(`targets ${plan.jitterMs} ${fresh.process.port}`);
      const draining = fleet.drain(old);
      const took = await this.#untilAll(
        `${old.name} is replaced by ${fresh.name}`,
        counters.closed + plan.connections,
      );
      await draining;
      holders.tell(`send 0 ${this.#wanted}`);
      const { latency } = await holders.totals();
      this.#row(`${old.name} replaced by ${fresh.name}`, this.#return(took, latency));
    }
  }

  #return(tookMs: number, latency: Latency): string {
    const perSecond = (this.plan.connections * 1_000) / tookMs;
    return `its clients are back after ${seconds(tookMs)} (${perSecond.toFixed(0)} a second); meanwhile ${latency.text}`;
  }

  /** Returns how many milliseconds it took until so many connections were closed since the start, and all are open. */
  async #untilAll(what: string, closed: number): Promise<number> {
    const began = performance.now();
    let told = began;
    let changedAt = began;
    let open = -1;
    for (;;) {
      const { counters } = await this.holders.totals();
      const now = performance.now();
      if (counters.open === this.#wanted && counters.closed >= closed) return now - began;
      if (counters.open !== open) changedAt = now;
      open = counters.open;
      if (now - changedAt > STUCK_MS) throw new Error(`${what}: no more than ${open} of ${this.#wanted}`);
      if (now - told >= PROGRESS_MS) {
        this.print(`${what}: ${open} of ${this.#wanted} open, ${counters.refused} refused or cut`);
        told = now;
      }
      await sleep(PROGRESS_MS / 10);
    }
  }

  /** The totals once all has arrived, or will not any more. */
  async #arrived(isAll: (counters: Totals['counters']) => boolean): Promise<Totals> {
    const until = performance.now() + ARRIVAL_MAX_MS;
    for (;;) {
      const totals = await this.holders.totals();
      if (isAll(totals.counters) || performance.now() > until) return totals;
      await sleep(PROGRESS_MS / 10);
    }
  }

  /** CPU of all nodes, and of all holders, in cores. */
  async #cpuDuring(work: () => Promise<void>): Promise<string> {
    const { fleet, holders } = this;
    const clientsMs = (): number => holders.all.reduce((sum, { pid }) => sum + processCpuMs(pid), 0);
    const before = [fleet.cpuMs(), clientsMs()] as const;
    const began = performance.now();
    await work();
    const ms = performance.now() - began;
    const cores = (spent: number): string => (spent / ms).toFixed(2);
    return `nodes ${cores(fleet.cpuMs() - before[0])} cores, clients ${cores(clientsMs() - before[1])} cores`;
  }

  #row(what: string, figures: string): void {
    this.#rows.push([what, figures]);
    this.print(`${what}: ${figures}`);
  }
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
