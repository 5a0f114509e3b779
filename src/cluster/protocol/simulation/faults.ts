/**
 * The incidents of one run. Each kind comes at its own rate, at any host or link, and ends by itself or at the end of
 * the chaos. `stop` ends all of them. After that the cluster must recover completely.
 */
import type { Host } from './host.js';
import { CALM } from './conditions.js';
import type { Random } from './random.js';
import type { Firewall, IncidentRates } from './scenario.js';
import type { World } from './world.js';

/** After the faults even the slowest machine must keep up: the protocol is tested, not how a backlog is worked off. */
const BRISK = { turnMs: 0.2, datagramMs: 0.01, datagramsPerTurn: 32 };

export class Faults {
  readonly #world: World;
  readonly #random: Random;
  /** Links blocked by several incidents at once stay blocked until the last ends. */
  readonly #blocks = new Map<string, number>();
  #isOver = false;

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random.fork('faults');
  }

  start(): void {
    const { scenario, network } = this.#world;
    network.suffer(scenario.conditions, scenario.frameBytes);
    // A replay can pass where the recorded datagram was blocked.
    const areGuessesTold = !scenario.realCipher && scenario.conditions.replay === 0;
    network.wide.watch(scenario.datagramBytes, areGuessesTold);
    const rates = scenario.incidents;
    const incidents: Record<keyof IncidentRates, () => void> = {
      crash: () => this.#crash(this.#anyHost()),
      massCrash: () => this.#massCrash(),
      shutdown: () => this.#shutDown(this.#anyHost()),
      pause: () => this.#world.pause(this.#anyHost(), this.#span(), false),
      suspend: () => this.#world.pause(this.#anyHost(), this.#span(), true),
      leap: () => this.#world.leap(this.#anyHost(), this.#span()),
      clog: () => this.#clog(),
      partition: () => this.#partition(),
      oneWay: () => this.#blockFor([[this.#anyHost(), this.#anyHost()]], this.#span()),
      isolate: () => this.#isolate(),
      flap: () => this.#flap(),
      flip: () => this.#flip(),
      narrow: () => this.#narrow(),
      slow: () => this.#slowDown(this.#anyHost()),
      outage: () => this.#outage(),
    };
    for (const [name, incident] of Object.entries(incidents)) {
      this.#repeat(rates[name as keyof IncidentRates], incident);
    }
    const { firewall } = scenario;
    if (firewall !== null) {
      this.#later(firewall.closesAt * scenario.chaosMs, () => this.#closeFirewall(firewall));
    }
    const { filter } = scenario;
    if (filter !== null) {
      this.#later(filter.closesAt * scenario.chaosMs, () => {
        for (const from of this.#world.hosts) network.dropFragments(from.index, filter.host);
      });
    }
    if (scenario.isRotating) this.#rotateSecrets();
    if (scenario.mode === 'mesh') this.#repeat(1, () => this.#world.resolveSeeds());
  }

  stop(): void {
    const { network, hosts, homeHosts, scenario } = this.#world;
    this.#isOver = true;
    // Replays go on: recordings of the chaos must change nothing in the calm.
    network.suffer({ ...CALM, replay: scenario.conditions.replay }, scenario.frameBytes);
    network.mend();
    for (const host of homeHosts) {
      host.recover(BRISK);
      if (host.serving === null) this.#world.crash(host);
    }
    for (const host of hosts) this.#world.boot(host);
    this.#world.resolveSeeds();
  }

  #repeat(perSecond: number, incident: () => void): void {
    if (perSecond === 0) return;
    this.#later(this.#random.interval(perSecond), () => {
      incident();
      this.#repeat(perSecond, incident);
    });
  }

  #later(milliseconds: number, action: () => void): void {
    this.#world.schedule.after(milliseconds, () => {
      if (!this.#isOver) action();
    });
  }

  #anyHost(): Host {
    return this.#random.pick(this.#world.homeHosts);
  }

  /** Mostly too short to be taken for dead, sometimes much too long. */
  #span(): number {
    const { deadAfterMs } = this.#world.scenario.timing;
    const random = this.#random;
    return random.chance(0.6) ? random.between(5, deadAfterMs * 0.4) : random.between(0.5, 2) * deadAfterMs;
  }

  #crash(host: Host): void {
    this.#world.crash(host);
    this.#later(this.#random.chance(0.5) ? this.#random.between(0, 50) : this.#span(), () =>
      this.#world.boot(host),
    );
  }

  #massCrash(): void {
    for (const host of this.#world.homeHosts) if (this.#random.chance(0.7)) this.#crash(host);
  }

  #shutDown(host: Host): void {
    this.#world.shutDown(host);
    this.#later(this.#world.scenario.timing.drainMaxMs + 101 + this.#random.between(0, 500), () => {
      this.#world.boot(host);
    });
  }

  #clog(): void {
    const { network, schedule } = this.#world;
    const [from, to] = [this.#anyHost(), this.#anyHost()];
    network.clog(from.index, to.index, schedule.now + this.#span() / 2);
  }

  #partition(): void {
    const inside = new Set(this.#world.homeHosts.filter(() => this.#random.chance(0.5)));
    const links: [Host, Host][] = [];
    const isOneWay = this.#random.chance(0.3);
    for (const from of this.#world.homeHosts) {
      for (const to of this.#world.homeHosts) {
        const isOut = inside.has(from) && !inside.has(to);
        const isIn = !inside.has(from) && inside.has(to);
        if (isOut || (isIn && !isOneWay)) links.push([from, to]);
      }
    }
    this.#blockFor(links, this.#span());
  }

  #isolate(): void {
    this.#blockFor(this.#linksOf(this.#anyHost()), this.#span());
  }

  #flap(): void {
    const links = this.#linksOf(this.#anyHost());
    const periodMs = this.#random.between(20, 400);
    let rounds = this.#random.integer(3, 12);
    const round = (): void => {
      this.#blockFor(links, periodMs / 2);
      rounds -= 1;
      if (rounds > 0) this.#later(periodMs, round);
    };
    round();
  }

  /** First one direction of a link is blocked, then the other. So what was delivered stays unacked, and one side forgets. */
  #flip(): void {
    const { deadAfterMs } = this.#world.scenario.timing;
    const [one, other] = [this.#anyHost(), this.#anyHost()];
    const firstMs = deadAfterMs * this.#random.between(0.05, 0.6);
    this.#blockFor([[one, other]], firstMs);
    this.#later(firstMs, () => this.#blockFor([[other, one]], deadAfterMs * this.#random.between(0.8, 1.6)));
  }

  /**
   * A broker goes away for all, and comes back: for all at once; for one after another, within half of the time after
   * which a silent peer is dead, as brokers' clients do; or so for half of the nodes, and for the others much later.
   */
  #outage(): void {
    const random = this.#random;
    const { deadAfterMs } = this.#world.scenario.timing;
    const awayMs = this.#span();
    const how = random.pick(['at once', 'one by one', 'one by one', 'half of them'] as const);
    const hosts = this.#world.homeHosts;
    const first = random.below(hosts.length);
    hosts.forEach((host, index) => {
      const isLate = how === 'half of them' && (index + first) % 2 === 1;
      const lateMs =
        (how === 'at once' ? 0 : random.between(0, deadAfterMs / 2)) + (isLate ? this.#span() : 0);
      this.#blockFor(this.#linksOf(host), awayMs + lateMs);
      const noticedMs = random.between(0, awayMs / 2);
      const backMs = awayMs + lateMs + random.between(0, 20);
      this.#later(noticedMs, () => this.#world.cutOff(host, backMs - noticedMs));
    });
  }

  #narrow(): void {
    const { network } = this.#world;
    const [from, to] = [this.#anyHost(), this.#anyHost()];
    network.limit(from.index, to.index, this.#random.integer(100, 1_000));
    this.#later(this.#span(), () => network.limit(from.index, to.index, Infinity));
  }

  #slowDown(host: Host): void {
    const milliseconds = this.#span();
    host.slowDown({
      turnMs: this.#random.pick([1, 5, 20]),
      datagramsPerTurn: this.#random.pick([1, 2, 8]),
    });
    if (host.running !== null) this.#world.stalled(host.running.boot, milliseconds);
    this.#later(milliseconds, () => host.recover());
  }

  #linksOf(host: Host): [Host, Host][] {
    return this.#world.homeHosts
      .filter((other) => other !== host)
      .flatMap((other): [Host, Host][] => [
        [host, other],
        [other, host],
      ]);
  }

  #blockFor(links: readonly (readonly [Host, Host])[], milliseconds: number): void {
    for (const [from, to] of links) this.#block(from, to, 1);
    this.#world.trace.note(
      this.#world.schedule.now,
      () =>
        `blocked for ${milliseconds.toFixed(0)} ms: ${links.map(([a, b]) => `${a.index}>${b.index}`).join(' ')}`,
    );
    this.#later(milliseconds, () => {
      for (const [from, to] of links) this.#block(from, to, -1);
    });
  }

  /** Lasts to the end of the chaos. Either no unicast comes in, or nothing that one other host sends. */
  #closeFirewall({ host, deafTo }: Firewall): void {
    const { homeHosts, network, schedule, trace } = this.#world;
    trace.note(schedule.now, () => `firewall at ${host}, against ${deafTo ?? 'all that is for it alone'}`);
    for (const from of homeHosts) {
      if (from.index === host) continue;
      if (deafTo === null) network.blockUnicast(from.index, host);
      else if (from.index === deafTo) this.#block(from, homeHosts[host] as Host, 1);
    }
  }

  #block(from: Host, to: Host, change: 1 | -1): void {
    if (from === to) return;
    const key = `${from.index}>${to.index}`;
    const count = (this.#blocks.get(key) ?? 0) + change;
    this.#blocks.set(key, count);
    this.#world.network.block(from.index, to.index, count > 0);
  }

  /**
   * Changes the secret as operators do it, by rolling restarts. First every node learns the new secret, then every node
   * seals with it, then the old one is removed. Nodes of two successive stages must understand each other.
   */
  #rotateSecrets(): void {
    const random = this.#random.fork('rotation');
    const { homeHosts } = this.#world;
    const old = homeHosts[0]?.secrets[0] ?? random.bytes(32);
    const fresh = random.bytes(32);
    const stages = [[old, fresh], [fresh, old], [fresh]];
    const steps = stages.flatMap((secrets) => homeHosts.map((host) => ({ secrets, host })));
    const step = (): void => {
      const next = steps.shift();
      if (next === undefined) return;
      next.host.configure(next.secrets);
      if (random.chance(0.5)) this.#shutDown(next.host);
      else this.#crash(next.host);
      this.#later(random.between(150, 1_000), step);
    };
    this.#later(200, step);
  }
}
