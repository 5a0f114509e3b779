import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { UdpBroadcast } from '../udp-broadcast/udp-broadcast.js';
import { failure, ok, warning, type Finding } from './finding.js';
import { judgeClock } from './host-checks.js';
import { decodeProbe, encodeProbe, type HeardProbe } from './probe.js';

const PROBE_INTERVAL_MS = 250;

interface Options {
  readonly clusterName: string;
  readonly secrets: readonly string[];
  readonly durationMs: number;
}

interface Doctor {
  readonly latest: HeardProbe;
  readonly clockDifferenceMs: number;
  readonly heardFull: boolean;
}

/**
 * Sends probes the way the cluster sends, and tells who was heard: this host itself, doctors on other hosts, and
 * whatever else sends to the port (running nodes, foreign programs).
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
      this.#hear(bytes, `${address}:${port}`),
    );
    const rounds = Math.ceil(this.options.durationMs / PROBE_INTERVAL_MS);
    for (let round = 0; round < rounds; round++) {
      // small and full-size in turn: a path that passes only small ones has an MTU problem
      this.udp.broadcast(this.#probe(round % 2 === 0 ? 0 : datagramBytesMax));
      await delay(PROBE_INTERVAL_MS);
    }
    subscription.unsubscribe();
    return this.#findings();
  }

  #probe(length: number): Buffer {
    const probe = { id: this.#id, host: hostname(), cluster: this.options.clusterName, at: Date.now() };
    return encodeProbe(probe, this.options.secrets[0] ?? '', length);
  }

  #hear(bytes: Buffer, from: string): void {
    const probe = decodeProbe(bytes, this.options.secrets);
    if (probe === null) {
      if (this.#others.size < 1000) this.#others.add(from);
    } else if (probe.id === this.#id) {
      this.#heardItself = true;
    } else if (this.#doctors.size < 1000) {
      const before = this.#doctors.get(probe.id);
      this.#doctors.set(probe.id, {
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
    if (this.#doctors.size === 0) {
      findings.push(
        warning(
          'other hosts: none heard. Run the doctor on another host at the same time to check the network',
        ),
      );
    }
    for (const doctor of this.#doctors.values()) findings.push(...this.#judge(doctor));
    return findings;
  }

  #judge({ latest, clockDifferenceMs, heardFull }: Doctor): Finding[] {
    const { host, cluster, isOurs } = latest;
    if (cluster !== this.options.clusterName) {
      return [
        warning(
          `${host}: belongs to the cluster ${JSON.stringify(cluster)}. The same? Then set CLUSTER_NAME`,
        ),
      ];
    }
    if (!isOurs) return [failure(`${host}: has another CLUSTER_SECRET; make them equal`)];
    return [
      ok(`${host}: heard, same name and secret`),
      heardFull
        ? ok(`${host}: datagrams of ${this.udp.datagramBytesMax} bytes arrive`)
        : failure(
            `${host}: only small datagrams arrive: lower UDP_DATAGRAM_BYTES, the path's MTU is smaller`,
          ),
      judgeClock(host, clockDifferenceMs),
    ];
  }
}
