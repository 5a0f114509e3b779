import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { excerpt } from '../telemetry/excerpt.js';
import type { UdpBroadcast } from '../udp-broadcast/udp-broadcast.js';
import { failure, ok, warning, type Finding } from './finding.js';
import { judgeClock } from './host-checks.js';
import { decodeProbe, encodeProbe, HEARS_MAX, type HeardProbe } from './probe.js';

const PROBE_INTERVAL_MS = 250;
/** Who has been heard for so long has had the time to hear us, and to say so. */
const ANSWER_PATIENCE_MS = 3 * PROBE_INTERVAL_MS;
/** Doctors, and other senders, that are told apart. */
const HEARD_MAX = 1000;

interface Options {
  readonly clusterName: string;
  readonly secrets: readonly string[];
  readonly durationMs: number;
  /** On how many hosts the doctor is said to run, this one included. */
  readonly hosts: number;
}

interface Doctor {
  readonly address: string;
  readonly port: number;
  readonly firstHeardAt: number;
  readonly lastHeardAt: number;
  readonly latest: HeardProbe;
  readonly clockDifferenceMs: number;
  readonly heardFull: boolean;
}

/**
 * Sends probes the way the cluster sends, and tells who was heard: this host itself, doctors on other hosts and
 * whether they hear us, and whatever else sends to the port (running nodes, foreign programs).
 */
export class LanCheck {
  readonly #id = randomBytes(8).toString('hex');
  readonly #doctors = new Map<string, Doctor>();
  readonly #others = new Set<string>();
  #heardItself = false;

  constructor(
    private readonly udp: UdpBroadcast,
    private readonly options: Options,
  ) {}

  async run(): Promise<Finding[]> {
    const { datagramBytesMax } = this.udp;
    const subscription = this.udp.datagrams$.subscribe(({ bytes, address, port }) =>
      this.#hear(bytes, address, port),
    );
    const rounds = Math.ceil(this.options.durationMs / PROBE_INTERVAL_MS);
    for (let round = 0; round < rounds; round++) {
      // small and full-size in turn: a path that passes only small ones has an MTU problem
      this.#send(this.#probe(round % 2 === 0 ? 0 : datagramBytesMax));
      await delay(PROBE_INTERVAL_MS);
    }
    subscription.unsubscribe();
    return this.#findings();
  }

  #send(probe: Buffer): void {
    this.udp.broadcast(probe);
    if (!this.udp.isMesh) return;
    // as nodes do: of two, one needs to know the other
    for (const { latest, address, port } of this.#doctors.values()) {
      if (this.#isOfOurCluster(latest)) this.udp.send(probe, address, port);
    }
  }

  #probe(length: number): Buffer {
    const probe = {
      id: this.#id,
      host: hostname(),
      cluster: this.options.clusterName,
      at: Date.now(),
      hears: [...this.#doctors.keys()].slice(0, HEARS_MAX),
    };
    return encodeProbe(probe, this.options.secrets[0] ?? '', length);
  }

  #hear(bytes: Buffer, address: string, port: number): void {
    const probe = decodeProbe(bytes, this.options.secrets);
    if (probe === null) {
      if (this.#others.size < HEARD_MAX) this.#others.add(`${address}:${port}`);
    } else if (probe.id === this.#id) {
      this.#heardItself = true;
    } else {
      const before = this.#doctors.get(probe.id);
      if (before === undefined && this.#doctors.size >= HEARD_MAX) return;
      const now = performance.now();
      this.#doctors.set(probe.id, {
        address,
        port,
        firstHeardAt: before?.firstHeardAt ?? now,
        lastHeardAt: now,
        latest: probe,
        clockDifferenceMs: probe.at - Date.now(),
        heardFull: before?.heardFull === true || probe.bytes >= this.udp.datagramBytesMax,
      });
    }
  }

  #findings(): Finding[] {
    const findings: Finding[] = [];
    if (!this.udp.isMesh) {
      findings.push(
        this.#heardItself
          ? ok('own broadcast: heard')
          : failure(
              'own broadcast: not heard. UDP_ADDRESS may be no broadcast address of this host, a firewall may drop UDP_PORT, or the network has no broadcast: try UDP_MODE=multicast or mesh',
            ),
      );
    }
    if (this.#others.size > 0) findings.push(ok(`nodes or other programs on the port: ${this.#others.size}`));
    findings.push(...this.#judgeCount());
    for (const doctor of this.#doctors.values()) findings.push(...this.#judge(doctor));
    return findings;
  }

  /** Whether those are heard who should be. Without a number, nobody knows whether there should be any. */
  #judgeCount(): Finding[] {
    const heard = [...this.#doctors.values()].filter(({ latest }) => this.#isOfOurCluster(latest)).length;
    const expected = this.options.hosts - 1;
    if (heard < expected) {
      const reach = this.udp.isMesh
        ? "is one of them in the other's UDP_PEERS, do firewalls pass UDP_PORT?"
        : 'is UDP_ADDRESS the broadcast address of the network they share, do firewalls pass UDP_PORT? ' +
          'If that network has no broadcast: UDP_MODE=multicast or mesh';
      return [failure(`other hosts: ${heard} of ${expected} heard. On each: is the link up, ${reach}`)];
    }
    if (this.#doctors.size > 0) return [];
    return [
      warning(
        'other hosts: none heard. To check the network, run the doctor on two at the same time, with --hosts 2',
      ),
    ];
  }

  #isOfOurCluster({ cluster, isOurs }: HeardProbe): boolean {
    return cluster === this.options.clusterName && isOurs;
  }

  #judge(doctor: Doctor): Finding[] {
    const { address, latest, clockDifferenceMs, heardFull } = doctor;
    const { host, cluster, isOurs } = latest;
    const name = `${excerpt(host)} (${address})`;
    if (cluster !== this.options.clusterName) {
      return [
        warning(
          `${name}: belongs to the cluster ${excerpt(cluster)}${isOurs ? '' : ', with another CLUSTER_SECRET'}. The same? Then set CLUSTER_NAME`,
        ),
      ];
    }
    if (!isOurs) return [failure(`${name}: has another CLUSTER_SECRET; make them equal`)];
    return [
      ok(`${name}: heard, same name and secret`),
      this.#judgeWayThere(name, doctor),
      heardFull
        ? ok(`${name}: datagrams of ${this.udp.datagramBytesMax} bytes arrive`)
        : failure(
            `${name}: only small datagrams arrive: lower UDP_DATAGRAM_BYTES, the path's MTU is smaller`,
          ),
      judgeClock(name, clockDifferenceMs),
    ];
  }

  /** Hearing is one way; the other way only the other one knows. */
  #judgeWayThere(name: string, { firstHeardAt, lastHeardAt, latest }: Doctor): Finding {
    if (latest.hears.includes(this.#id)) return ok(`${name}: hears this host`);
    if (latest.hears.length === HEARS_MAX || lastHeardAt - firstHeardAt < ANSWER_PATIENCE_MS) {
      return warning(
        `${name}: has not said whether it hears this host: run both for longer, on ${HEARS_MAX + 1} hosts at most`,
      );
    }
    const address = this.udp.isMesh ? '' : ', or UDP_ADDRESS here does not reach it';
    return failure(`${name}: does not hear this host. Its firewall may drop UDP_PORT${address}`);
  }
}
