/**
 * N machines on one LAN, and what can be done to them from outside: start, crash, stop, pause. A run has one world. It
 * owns the virtual clock, the network and the oracles.
 */
import { ClusterNode } from '../cluster-node.js';
import type { Endpoint } from '../contract.js';
import type { CipherSuite } from '../wire/cipher.js';
import { BOOT_ID_BYTES } from '../wire/datagram.js';
import { addressOf, namedAddresses } from './addresses.js';
import { Application } from './application.js';
import { detectionMsOf, expectationsOf } from './bounds.js';
import { NewerVersion, NodeCipher, NonceLedger, TagCipher } from './ciphers.js';
import type { Device } from './device.js';
import { Hearing } from './hearing.js';
import { Host, type Running } from './host.js';
import { HOME, makeHosts, MESH_PORT, seedsFor } from './lan.js';
import { LocalClock } from './local-clock.js';
import { Network } from './network.js';
import type { Oracles } from './oracles.js';
import { PresenceJudge } from './presence-judge.js';
import { PresenceMember } from './presence-member.js';
import { Process } from './process.js';
import { Promises } from './promise.js';
import type { Random } from './random.js';
import type { Scenario } from './scenario.js';
import { Schedule } from './schedule.js';
import { Stalls } from './stalls.js';
import { Boot, Timeline } from './timeline.js';
import { Trace } from './trace.js';
import { Violation } from './violation.js';

/** Whoever was heard within so many idle reports is known to be there. */
const HEARD_REPORTS = 2;

export class World {
  readonly schedule = new Schedule();
  readonly trace = new Trace();
  readonly nonces = new NonceLedger();
  readonly network: Network;
  readonly timeline: Timeline;
  readonly promises: Promises;
  readonly presenceJudge: PresenceJudge;
  readonly hosts: readonly Host[];
  /** Those of the cluster under test; the others are neighbours it must not notice. */
  readonly homeHosts: readonly Host[];
  readonly boots: Boot[] = [];
  readonly detectionMs: number;
  /** How often a process was made to stand still or crawl. */
  stalls = 0;

  readonly #random: Random;
  readonly #cipher: CipherSuite;
  readonly #oracles: Oracles;
  readonly #stalls = new Stalls();
  readonly #hearing = new Hearing();
  #repairedBefore = 0;
  /** How many devices there were. */
  #devices = 0;

  constructor(
    readonly scenario: Scenario,
    random: Random,
  ) {
    const { timing } = scenario;
    this.#random = random.fork('world');
    this.#cipher = scenario.realCipher ? new NodeCipher(this.nonces) : new TagCipher(this.nonces);
    this.presenceJudge = new PresenceJudge(scenario.kind === 'chaotic', (observer, subject, at) =>
      this.timeline.trusts(this.boots[observer] as Boot, this.boots[subject] as Boot, at),
    );
    this.network = new Network(this.schedule, random.fork('network'));
    this.detectionMs = detectionMsOf(scenario);
    const lateMs = timing.gapAfterMs + timing.laggardAfterMs + timing.deadAfterMs;
    this.timeline = new Timeline({ detectionMs: this.detectionMs, lateMs }, this.#stalls);
    this.promises = new Promises(this.timeline, this.#stalls, {
      lists: ({ host }, { nodeId }) => {
        const peers = this.hosts[host]?.running?.process.node.peers() ?? [];
        return peers.some((peer) => peer.nodeId === nodeId);
      },
      hears: (listener, sender, at) =>
        at - this.#hearing.lastHeardAt(listener, sender) <= HEARD_REPORTS * timing.reportIdleMs,
    });
    this.#oracles = {
      promises: this.promises,
      timeline: this.timeline,
      hearing: this.#hearing,
      trace: this.trace,
      worldNow: () => this.schedule.now,
      boots: this.boots,
      nextDevice: () => this.#devices++,
      judgeReach: (device) => this.#judgeReach(device),
    };
    this.hosts = makeHosts(scenario, this.#random.fork('hosts'));
    this.homeHosts = this.hosts.filter(({ cluster }) => cluster === HOME);
    for (const host of this.hosts) this.network.attach(host);
  }

  boot(host: Host): void {
    if (host.running !== null) return;
    const { scenario, schedule } = this;
    const random = this.#random.fork(`boot ${this.boots.length}`);
    const bootId = random.bytes(BOOT_ID_BYTES);
    const port =
      scenario.mode === 'mesh' ? MESH_PORT : 40_000 + (random.chance(0.5) ? 0 : random.below(10_000));
    const endpoint = `${host.address}:${port}`;
    const clock = new LocalClock(schedule.now, random.between(0, 1e9), random.between(0.9997, 1.0003));
    const jitter = random.fork('jitter');
    const node = new ClusterNode({
      bootId,
      nodeName: `node-${host.index}`,
      clusterName: host.cluster === HOME ? 'lanfare' : 'neighbour',
      version: `1.${random.below(3)}.0`,
      secrets: host.secrets,
      mode: scenario.mode,
      seeds: this.#seedsFor(host),
      datagramBytes: scenario.datagramBytes,
      datagramBytesMax: scenario.datagramBytesMax,
      deafHelp: 'it is no real network',
      messageBytesMax: scenario.messageBytesMax,
      receiveBufferBytes: host.usualPace.receiveBufferBytes,
      random: () => jitter.float(),
      cipher: random.chance(0.1) ? new NewerVersion(this.#cipher) : this.#cipher,
      startedAt: clock.local(schedule.now),
      timing: scenario.timing,
      limits: scenario.limits,
    });
    const boot = new Boot(this.boots.length, host.index, host.cluster, node.nodeId, schedule.now);
    this.boots.push(boot);
    const { network, trace } = this;
    const process = new Process(
      { schedule, network, station: host, trace },
      node,
      endpoint,
      clock,
      host.pace,
    );
    const hasPresence = scenario.workload.presences > 0 && host.cluster === HOME;
    const presence = hasPresence
      ? new PresenceMember(boot, node, this.presenceJudge, () => this.schedule.now)
      : null;
    const application = new Application(boot, node, this.#oracles, expectationsOf(scenario), presence);
    application.watch(namedAddresses(scenario.workload));
    host.started({ boot, process, application });
    network.bind(endpoint, host);
    trace.note(
      schedule.now,
      () => `host ${host.index} boots #${boot.index} ${boot.nodeId.slice(0, 6)} at ${endpoint}`,
    );
    if (host.cutOffUntil > 0) this.#tellCutOff(host);
    process.start(application);
  }

  crash(host: Host): void {
    if (host.running === null) return;
    const { boot } = host.running;
    this.trace.note(this.schedule.now, () => `host ${host.index} crashes #${boot.index}`);
    this.#end(host, host.running);
  }

  /** As on SIGTERM: the node leaves the cluster, then the process ends. */
  shutDown(host: Host): void {
    const running = host.serving;
    if (running === null) return;
    const { boot, process, application } = running;
    host.leaves();
    this.trace.note(this.schedule.now, () => `host ${host.index} shuts down #${boot.index}`);
    process.enqueue((node, now) => {
      for (const device of application.devices.slice()) application.leave(now, device);
      node.shutdown(now);
    });
    this.schedule.after(this.scenario.timing.drainMaxMs + 100, () => {
      if (host.running === running) this.#end(host, running);
    });
  }

  pause(host: Host, milliseconds: number, isSuspended: boolean): void {
    const { running } = host;
    if (running === null || running.process.isPaused) return;
    const { boot, process } = running;
    this.trace.note(this.schedule.now, () => `#${boot.index} pauses for ${milliseconds.toFixed(0)} ms`);
    process.pause(this.schedule.now + milliseconds);
    if (isSuspended) process.clock.leap(-milliseconds);
    this.stalled(boot, milliseconds);
  }

  leap(host: Host, milliseconds: number): void {
    const { running } = host;
    if (running === null || running.process.isPaused) return;
    this.trace.note(
      this.schedule.now,
      () => `#${running.boot.index}'s clock leaps ${milliseconds.toFixed(0)} ms`,
    );
    running.process.leap(milliseconds);
    this.stalled(running.boot, milliseconds);
  }

  /** The host is told for so long that nothing is carried, also when the faults end before. The caller blocks its links. */
  cutOff(host: Host, milliseconds: number): void {
    if (host.cutOffUntil > 0) return;
    host.cutOff(this.schedule.now + milliseconds);
    this.schedule.at(host.cutOffUntil, () => this.#bringBack(host));
    if (host.running !== null) this.stalled(host.running.boot, milliseconds);
    this.#tellCutOff(host);
  }

  /** Time in which a boot could not do what it should, and for which its bounds are extended. */
  stalled(boot: Boot, milliseconds: number): void {
    this.stalls += 1;
    this.#stalls.begin(boot, this.schedule.now, milliseconds);
  }

  /** Mesh: what a resolver would say now, of machines that are up and of some that are not. */
  resolveSeeds(): void {
    for (const host of this.homeHosts) {
      const seeds = this.#seedsFor(host);
      host.running?.process.enqueue((node, now) => node.setSeeds(now, seeds, true));
    }
  }

  runFor(milliseconds: number): void {
    this.schedule.runUntil(this.schedule.now + milliseconds);
  }

  /** Records that were sent again, by all boots of the run. */
  repaired(): number {
    const running = this.homeHosts.flatMap((host) => host.running ?? []);
    return running.reduce(
      (sum, { process }) => sum + process.node.statistics().recordsRepaired,
      this.#repairedBefore,
    );
  }

  /** Datagrams lost to full receive buffers. */
  overruns(): number {
    return this.hosts.reduce((sum, { overruns }) => sum + overruns.datagrams, 0);
  }

  /** Whoever knows the node, and is known to it, sends it what is for the address. */
  #judgeReach({ address, boot: { host, nodeId, index } }: Device): void {
    const known = this.hosts[host]?.running?.process.node.peers() ?? [];
    for (const { serving } of this.homeHosts) {
      if (serving === null) continue;
      const { node, clock } = serving.process;
      if (!known.some((peer) => peer.nodeId === node.nodeId)) continue;
      const peer = node.peers().find((other) => other.nodeId === nodeId);
      if (peer?.complete !== true) continue;
      const { peers } = node.holders(clock.local(this.schedule.now), addressOf(address));
      if (peers.includes(nodeId)) continue;
      throw new Violation('reach', `#${serving.boot.index} does not know that #${index} holds ${address}`);
    }
  }

  #bringBack(host: Host): void {
    host.bringBack();
    const { running } = host;
    if (running === null) return;
    this.trace.note(this.schedule.now, () => `#${running.boot.index} is carried again`);
    running.process.enqueue((node, now) => {
      node.setOutage(now, null);
      running.application.outage.end(now);
    });
  }

  #tellCutOff({ running }: Host): void {
    if (running === null) return;
    this.trace.note(this.schedule.now, () => `nothing is carried for #${running.boot.index}`);
    running.process.enqueue((node, now) => {
      node.setOutage(now, 'what carries datagrams is away');
      running.application.outage.begin();
    });
  }

  #end(host: Host, running: Running): void {
    const { boot, process, application } = running;
    this.#repairedBefore += process.node.statistics().recordsRepaired;
    boot.end(this.schedule.now);
    for (const device of application.devices) this.promises.leaves(device);
    application.presence?.ended();
    process.end();
    host.ended();
  }

  #seedsFor({ index }: Host): Endpoint[] {
    return seedsFor(this.hosts, this.scenario.mode, this.#random.fork(`seeds ${index}`));
  }
}
