import type { Holder, HolderReport } from './holder.js';

type Counters = Omit<HolderReport, 'latency' | 'roomLatency'>;

/** All reports as one. */
export class Totals {
  readonly counters: Counters;
  readonly latency: Latency;
  readonly roomLatency: Latency;

  constructor(reports: readonly HolderReport[]) {
    const sum = (name: keyof Counters): number => reports.reduce((total, report) => total + report[name], 0);
    this.counters = {
      connections: sum('connections'),
      open: sum('open'),
      opened: sum('opened'),
      closed: sum('closed'),
      refused: sum('refused'),
      sent: sum('sent'),
      received: sum('received'),
      published: sum('published'),
      roomReceived: sum('roomReceived'),
      acks: sum('acks'),
      incomplete: sum('incomplete'),
      errors: sum('errors'),
    };
    this.latency = new Latency(reports.flatMap((report) => report.latency));
    this.roomLatency = new Latency(reports.flatMap((report) => report.roomLatency));
  }
}

/** A histogram: [microseconds at most, how many]. */
export class Latency {
  readonly #buckets: (readonly [number, number])[];

  constructor(buckets: readonly (readonly [number, number])[]) {
    this.#buckets = buckets.toSorted(([a], [b]) => a - b);
  }

  /** Milliseconds; NaN: there is nothing. */
  percentile(share: number): number {
    let left = this.#buckets.reduce((sum, [, count]) => sum + count, 0) * share;
    for (const [us, count] of this.#buckets) {
      left -= count;
      if (left <= 0) return us / 1_000;
    }
    return NaN;
  }

  get text(): string {
    return `p50 ${this.percentile(0.5).toFixed(1)} ms, p99 ${this.percentile(0.99).toFixed(1)} ms`;
  }
}

/** The clients of all nodes. */
export class Holders {
  /** Those that have connections: all of them, unless filling has ended early. */
  #senders: readonly Holder[];

  constructor(readonly all: readonly Holder[]) {
    this.#senders = all;
  }

  async totals(): Promise<Totals> {
    return new Totals(await Promise.all(this.all.map(async (holder) => holder.report())));
  }

  tell(command: string): void {
    for (const holder of this.all) holder.tell(command);
  }

  /**
   * Names the users of all connections, so that messages can go to them.
   * @param stride how far the first users of two holders are apart
   */
  async meet(stride: number): Promise<void> {
    const reports = await Promise.all(this.all.map(async (holder) => holder.report()));
    this.#senders = this.all.filter((_, index) => (reports[index]?.connections ?? 0) > 0);
    this.tell(`users ${stride} ${reports.map(({ connections }) => connections).join(' ')}`);
  }

  /** Shares a rate among those that have connections: whole numbers, that of the first ones one higher. */
  share(perSecond: number, commandOf: (perSecond: number) => string): void {
    const each = Math.floor(perSecond / this.#senders.length);
    const more = perSecond - each * this.#senders.length;
    for (const [index, holder] of this.#senders.entries())
      holder.tell(commandOf(index < more ? each + 1 : each));
  }

  /** Returns how many connections have asked to join. */
  async join(room: string, every: number): Promise<number> {
    const joined = await Promise.all(this.all.map(async (holder) => holder.join(room, every)));
    return joined.reduce((sum, count) => sum + count, 0);
  }

  stop(): void {
    for (const holder of this.all) holder.stop();
  }
}
