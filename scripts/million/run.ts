/**
 * Fills a cluster with clients that stay, and shows what it does then: idle, with messages between random users, with a
 * room across all nodes, when a node is killed, and when nodes are replaced one by one.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { processCpuMs } from '../measuring.js';
import { fill } from './fill.js';
import { Fleet, proportionalBytes } from './fleet.js';
import { Holder } from './holder.js';
import { Holders, type Latency, type Totals } from './holders.js';
import { gigabytes, kernelBytes, type Plan } from './plan.js';
import { tokenOf } from './tokens.js';

const ROOM = 'all';
const ROOM_MEMBER_EVERY = 1_000;
const PUBLISHED_PER_SECOND = 2;
const POLL_MS = 250;
const PROGRESS_MS = 5_000;
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

/** Never rejects: what went wrong is a fault of the outcome. Whatever happens, no process is left. */
export async function runMillion(plan: Plan, print: (line: string) => void): Promise<Outcome> {
  const program = Holder.compile();
  const fleet = new Fleet([program, 'until-parent-ends'], plan);
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
  readonly #endsAt: number;
  readonly #kernelBytes = kernelBytes();
  #emptyBytes = 0;
  #late = 0;
  /** Connections that are to be open. */
  #wanted = 0;

  constructor(
    private readonly plan: Plan,
    private readonly fleet: Fleet,
    private readonly holders: Holders,
    private readonly print: (line: string) => void,
  ) {
    this.#endsAt = performance.now() + plan.minutes * 60_000;
  }

  async outcome(): Promise<Outcome> {
    let connections = 0;
    try {
      await this.#start();
      await this.#fill();
      await this.#memory();
      await this.#idle();
      await this.#messages();
      await this.#room();
      await this.#killed();
      await this.#replaced();
      connections = (await this.holders.totals()).counters.open;
    } catch (error) {
      this.#fault(`the run has ended early: ${String(error)}`);
    }
    return { rows: this.#rows, faults: this.#faults, late: this.#late, connections };
  }

  async #start(): Promise<void> {
    const { fleet, holders, plan } = this;
    const began = performance.now();
    for (let node = 0; node < plan.nodes; node += 1) await fleet.start();
    this.#emptyBytes = fleet.memoryBytes();
    this.#row(
      `${plan.nodes} nodes, empty`,
      `${gigabytes(this.#emptyBytes)}, started in ${seconds(performance.now() - began)}`,
    );
    for (const [index, holder] of holders.all.entries()) {
      const first = index * plan.connections;
      await holder.add(
        Array.from({ length: plan.connections }, (_, client) => tokenOf(`u${first + client}`, fleet.secret)),
      );
    }
  }

  async #fill(): Promise<void> {
    const { fleet, holders, plan } = this;
    const lateBefore = await this.#lateSoFar();
    const cpuMs = fleet.cpuMs();
    const holdersMs = this.#holdersCpuMs();
    const { opened, tookMs, endedBy } = await fill(plan, fleet, holders, this.print);
    this.#wanted = opened;
    this.#late = (await this.#lateSoFar()) - lateBefore;
    const perSecond = (opened * 1_000) / tookMs;
    const perJoin = (spentMs: number): string => `${((spentMs * 1_000) / opened).toFixed(0)} us`;
    this.#row(
      'filled',
      `${opened} in ${seconds(tookMs)}: ${perSecond.toFixed(0)} a second, each ${perJoin(fleet.cpuMs() - cpuMs)} of all ` +
        `nodes and ${perJoin(this.#holdersCpuMs() - holdersMs)} of the clients; late: ${this.#late}` +
        (lateBefore === 0 ? '' : `, and ${lateBefore} before, while nodes started`),
    );
    if (endedBy !== null)
      this.#fault(`filling ended at ${opened} of ${plan.nodes * plan.connections}: ${endedBy}`);
    await holders.meet(plan.connections);
  }

  async #memory(): Promise<void> {
    const { fleet, holders } = this;
    const nodes = fleet.memoryBytes();
    const clients = holders.all.reduce((sum, { pid }) => sum + proportionalBytes(pid), 0);
    const kernel = kernelBytes() - this.#kernelBytes;
    const directory = await fleet.metric('lanfare_directory_bytes');
    const used = await fleet.metric('nodejs_heap_size_used_bytes');
    const each = (bytes: number): string => `${(bytes / this.#wanted / 1_000).toFixed(1)} kB a connection`;
    this.#row(
      'memory of the nodes',
      `${gigabytes(nodes)}, ${each(nodes - this.#emptyBytes)} more than empty; JavaScript heaps ${gigabytes(used)}, garbage ` +
        `with them; directory ${gigabytes(directory)}`,
    );
    this.#row('memory of the clients', `${gigabytes(clients)}, ${each(clients)}`);
    this.#row('memory of the kernel', `${gigabytes(kernel)}, ${each(kernel)}`);
    this.#row('all, without the empty nodes', each(nodes + clients + kernel - this.#emptyBytes));
  }

  async #idle(): Promise<void> {
    const cpu = await this.#cpuDuring(async () => sleep(this.plan.idleMs));
    this.#row(`idle, heartbeats ${this.plan.heartbeats ? 'on' : 'off'}`, cpu);
  }

  async #messages(): Promise<void> {
    const { holders, plan } = this;
    const before = await holders.totals();
    holders.share(plan.messagesPerSecond, (perSecond) => `send ${perSecond}`);
    await sleep(plan.warmUpMs);
    holders.tell('anew');
    const cpu = await this.#cpuDuring(async () => sleep(plan.messageSeconds * 1_000));
    holders.tell('send 0');
    const after = await this.#arrived(
      ({ sent, received }) => received - before.counters.received >= sent - before.counters.sent,
    );
    const sent = after.counters.sent - before.counters.sent;
    const lost = sent - (after.counters.received - before.counters.received);
    const perSecond = (sent * 1_000) / (plan.warmUpMs + plan.messageSeconds * 1_000);
    this.#row(
      'messages between random users',
      `${sent} sent (${perSecond.toFixed(0)} a second), ${lost} lost, after ${seconds(plan.warmUpMs)} ${after.latency.text}`,
    );
    this.#row('meanwhile', cpu);
    if (lost !== 0) this.#fault(`${lost} messages of ${sent} were lost`);
  }

  async #room(): Promise<void> {
    const { holders, plan } = this;
    const before = await holders.totals();
    const members = await holders.join(ROOM, ROOM_MEMBER_EVERY);
    const joined = await this.#arrived(({ acks }) => acks - before.counters.acks >= members);
    const acks = joined.counters.acks - before.counters.acks;
    if (acks !== members) this.#fault(`${members} members asked to join, and ${acks} were answered`);
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
    if (lost !== 0) this.#fault(`${lost} copies of the room's messages were lost`);
  }

  async #killed(): Promise<void> {
    const { fleet, holders, plan } = this;
    const [victim] = fleet.nodes;
    const clients = (await holders.all[0]?.report())?.open ?? 0;
    if (victim === undefined) return;
    const { counters } = await holders.totals();
    this.#sendSome();
    const others = fleet.ports.filter((port) => port !== victim.process.port);
    holders.tell(`targets ${plan.jitterMs} ${others.join(' ')}`);
    holders.tell(`fill ${plan.waiting}`);
    await fleet.kill(victim);
    const took = await this.#untilAll(`${victim.name} was killed`, counters.closed + clients);
    this.#row(`${victim.name} killed`, await this.#returned(clients, took));
  }

  async #replaced(): Promise<void> {
    const { fleet, holders, plan } = this;
    for (let count = 0; count < plan.replaced; count += 1) {
      const old = fleet.nodes[0];
      if (old === undefined) return;
      if (performance.now() > this.#endsAt) {
        this.#fault(`${count} of ${plan.replaced} nodes were replaced: the ${plan.minutes} minutes are over`);
        return;
      }
      const fresh = await fleet.start();
      const { counters } = await holders.totals();
      this.#sendSome();
      // as a proxy does that sends clients where there are least
      holders.tell(`targets ${plan.jitterMs} ${fresh.process.port}`);
      const began = performance.now();
      await fleet.drain(old);
      await this.#untilAll(`${old.name} is replaced by ${fresh.name}`, counters.closed);
      const clients = (await holders.totals()).counters.closed - counters.closed;
      this.#row(
        `${old.name} replaced by ${fresh.name}`,
        await this.#returned(clients, performance.now() - began),
      );
    }
  }

  /** A tenth of the messages: what their senders see of a node that goes. */
  #sendSome(): void {
    this.holders.tell('anew');
    this.holders.share(this.plan.messagesPerSecond / 10, (perSecond) => `send ${perSecond}`);
  }

  async #returned(clients: number, tookMs: number): Promise<string> {
    this.holders.tell('send 0');
    const { latency } = await this.holders.totals();
    const perSecond = (clients * 1_000) / tookMs;
    return `its ${clients} clients are back after ${seconds(tookMs)} (${perSecond.toFixed(0)} a second); meanwhile ${returnLatency(latency)}`;
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
      await sleep(POLL_MS);
    }
  }

  /** The totals once all has arrived, or will not any more. */
  async #arrived(isAll: (counters: Totals['counters']) => boolean): Promise<Totals> {
    const until = performance.now() + ARRIVAL_MAX_MS;
    for (;;) {
      const totals = await this.holders.totals();
      if (isAll(totals.counters) || performance.now() > until) return totals;
      await sleep(POLL_MS);
    }
  }

  async #lateSoFar(): Promise<number> {
    return this.fleet.metric('lanfare_gaps_total', 'kind="late"');
  }

  #holdersCpuMs(): number {
    return this.holders.all.reduce((sum, { pid }) => sum + processCpuMs(pid), 0);
  }

  /** CPU of all nodes, and of all holders, in cores. */
  async #cpuDuring(work: () => Promise<void>): Promise<string> {
    const before = [this.fleet.cpuMs(), this.#holdersCpuMs()] as const;
    const began = performance.now();
    await work();
    const ms = performance.now() - began;
    const cores = (spent: number): string => (spent / ms).toFixed(2);
    return `nodes ${cores(this.fleet.cpuMs() - before[0])} cores, clients ${cores(this.#holdersCpuMs() - before[1])} cores`;
  }

  #fault(what: string): void {
    this.#faults.push(what);
    this.print(`MISSED  ${what}`);
  }

  #row(what: string, figures: string): void {
    this.#rows.push([what, figures]);
    this.print(`${what}: ${figures}`);
  }
}

function returnLatency(latency: Latency): string {
  return Number.isNaN(latency.percentile(0.5)) ? 'no message came' : latency.text;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
