import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { Datagram } from '../udp-broadcast/datagram.js';
import { DEAF_HELP } from '../udp-broadcast/deaf-help.js';
import type { UdpBroadcast } from '../udp-broadcast/udp-broadcast.js';
import { failure, ok, warning, type Finding } from './finding.js';
import { isOfOurCluster, judgeMember, judgeStranger, type HeardDoctor, type Judge } from './heard-doctor.js';
import { OtherSenders } from './other-senders.js';
import { decodeProbe, encodeProbe, HEARS_MAX } from './probe.js';

const PROBE_INTERVAL_MS = 250;
/** Time for three probes: one that is heard, one that answers, one to spare. */
const ANSWER_PATIENCE_MS = 3 * PROBE_INTERVAL_MS;
/** How many doctors are distinguished. */
const DOCTORS_MAX = 1000;

interface Options {
  readonly clusterName: string;
  readonly secrets: readonly string[];
  readonly durationMs: number;
  /** The number of hosts on which the doctor should run, this one included. */
  readonly hosts: number;
}

/**
 * Sends probes in the way nodes send: to all, and to each doctor that was heard. Reports who was heard: this host
 * itself, doctors on other hosts and which of our probes they hear, and whatever else sends to the port.
 */
export class LanCheck {
  readonly #id = randomBytes(8).toString('hex');
  readonly #doctors = new Map<string, HeardDoctor>();
  readonly #others: OtherSenders;
  readonly #judge: Judge;
  #heardItself = false;

  constructor(
    private readonly udp: UdpBroadcast,
    private readonly options: Options,
  ) {
    this.#others = new OtherSenders(options.clusterName, options.secrets);
    this.#judge = {
      id: this.#id,
      clusterName: options.clusterName,
      isMesh: udp.isMesh,
      datagramBytes: udp.datagramBytes,
      patienceMs: ANSWER_PATIENCE_MS,
    };
  }

  async run(): Promise<Finding[]> {
    const subscription = this.udp.datagrams$.subscribe((datagram) => this.#hear(datagram));
    const rounds = Math.ceil(this.options.durationMs / PROBE_INTERVAL_MS);
    for (let round = 0; round < rounds; round++) {
      // small and full-size probes alternate: a path that passes only small ones has an MTU problem
      this.#send(this.#probe(round % 2 === 0 ? 0 : this.udp.datagramBytes));
      await delay(PROBE_INTERVAL_MS);
    }
    subscription.unsubscribe();
    return this.#findings();
  }

  #send(probe: Buffer): void {
    this.udp.broadcast(probe);
    for (const { address, port } of this.#members) this.udp.send(probe, address, port);
  }

  #probe(length: number): Buffer {
    const idsOf = (way: 'heardBroadcast' | 'heardUnicast'): string[] =>
      [...this.#doctors]
        .filter(([, doctor]) => doctor[way])
        .slice(0, HEARS_MAX)
        .map(([id]) => id);
    const probe = {
      id: this.#id,
      host: hostname(),
      cluster: this.options.clusterName,
      at: Date.now(),
      hears_broadcast: idsOf('heardBroadcast'),
      hears_unicast: idsOf('heardUnicast'),
    };
    return encodeProbe(probe, this.options.secrets[0] ?? '', length);
  }

  #hear({ bytes, address, port, arrival }: Datagram): void {
    const probe = decodeProbe(bytes, this.options.secrets);
    if (probe === null) {
      this.#others.note(bytes, address, port);
    } else if (probe.id === this.#id) {
      this.#heardItself = true;
    } else {
      const before = this.#doctors.get(probe.id);
      if (before === undefined && this.#doctors.size >= DOCTORS_MAX) return;
      const now = performance.now();
      this.#doctors.set(probe.id, {
        address,
        port,
        firstHeardAt: before?.firstHeardAt ?? now,
        lastHeardAt: now,
        latest: probe,
        clockDifferenceMs: probe.at - Date.now(),
        heardFull: before?.heardFull === true || probe.bytes >= this.udp.datagramBytes,
        heardBroadcast: before?.heardBroadcast === true || arrival === 'shared',
        heardUnicast: before?.heardUnicast === true || arrival === 'own',
      });
    }
  }

  get #members(): HeardDoctor[] {
    return [...this.#doctors.values()].filter((doctor) => isOfOurCluster(doctor, this.#judge));
  }

  get #strangers(): HeardDoctor[] {
    return [...this.#doctors.values()].filter((doctor) => !isOfOurCluster(doctor, this.#judge));
  }

  /** The findings. Those that explain most come first. */
  #findings(): Finding[] {
    return [
      ...this.#strangers.map((doctor) => judgeStranger(doctor, this.#judge)),
      ...this.#others.strangers,
      ...(this.udp.isMesh ? [] : [this.#judgeOwnBroadcast()]),
      ...this.#others.others,
      ...this.#judgeCount(),
      ...this.#members.flatMap((doctor) => judgeMember(doctor, this.#judge)),
    ];
  }

  #judgeOwnBroadcast(): Finding {
    return this.#heardItself ? ok('own broadcast: heard') : failure(`own broadcast: not heard. ${DEAF_HELP}`);
  }

  /** Whether as many hosts are heard as expected. Without `hosts` the expected number is not known. */
  #judgeCount(): Finding[] {
    const [heard, strangers, expected] = [
      this.#members.length,
      this.#strangers.length,
      this.options.hosts - 1,
    ];
    if (heard < expected) {
      const count = `other hosts: ${heard} of ${expected} heard`;
      if (heard + strangers >= expected) {
        return [failure(`${count} with this name and secret; the others differ, see above`)];
      }
      const reach = this.udp.isMesh
        ? "is one of them in the other's UDP_PEERS, do firewalls pass UDP_PORT?"
        : 'is UDP_ADDRESS the broadcast address of the network they share, do firewalls pass UDP_PORT? ' +
          'If that network has no broadcast: UDP_MODE=multicast or mesh';
      return [failure(`${count}. On each: is the link up, ${reach}`)];
    }
    if (this.#doctors.size > 0) return [];
    return [
      warning(
        'other hosts: none heard. To check the network, run the doctor on two at the same time, with --hosts 2',
      ),
    ];
  }
}
