/**
 * How nodes find each other, and how a node notices that it can't.
 *
 *   GOSSIP  count u8, then (boot id 12, key tag u16, IPv4 4, port u16)*
 *
 * Rules.
 * - Broadcast mode: nodes hear each other's reports. Our own come back to us too. If they don't, the others do not hear us
 *   either: this node is deaf.
 * - Mesh mode: seeds that are no peers yet get a KNOCK. Peers tell each other which peers they know, and tell a newcomer at
 *   once. A seed that turns out to be our own address is left alone.
 * - A boot that a peer told of is only named. It gets a HELLO itself.
 */
import type { Arrival, Endpoint } from '../contract.js';
import type { NodeParts } from '../node-parts.js';
import type { Peer } from '../peers/peer.js';
import type { ByteReader } from '../wire/byte-reader.js';
import { FRAME_HEADER_BYTES } from '../wire/byte-writer.js';
import { BOOT_ID_BYTES } from '../wire/datagram.js';
import { FRAME_GOSSIP } from '../wire/frames.js';
import type { Admission } from './admission.js';
import type { Handshake } from './handshake.js';

const GOSSIP_ENTRY_BYTES = BOOT_ID_BYTES + 8;
const GOSSIP_HEADER_BYTES = FRAME_HEADER_BYTES + 1;
const GOSSIP_ENTRIES_MAX = 255;
/** Others, such as a broker's subjects, are not told to peers: only reports make those nodes known. */
const IPV4_ENDPOINT = /^\d+\.\d+\.\d+\.\d+:\d+$/;
const DEAF_REPORTS = 3;

type Parts = Pick<
  NodeParts,
  'journal' | 'keyring' | 'members' | 'options' | 'outbox' | 'pace' | 'timers' | 'timing'
>;

export class Discovery {
  #seeds: readonly Endpoint[];
  #areSeedsKnown = true;
  /** Up to this time a seed may still answer. */
  #searchUntil: number;
  readonly #ownEndpoints = new Set<Endpoint>();
  #heardOurselvesAt: number;
  /** Since when we could hear ourselves, and others. */
  #listeningSince: number;
  #isDeaf = true;
  #isAlone = false;
  #wasToldDeaf = false;
  #wasToldAlone = false;
  #gossipFrom = 0;

  constructor(
    private readonly parts: Parts,
    private readonly admission: Admission,
    private readonly handshake: Handshake,
  ) {
    const { options, timing } = parts;
    this.#seeds = options.seeds;
    this.#heardOurselvesAt = -Infinity;
    this.#listeningSince = options.startedAt;
    if (this.#isMesh) parts.timers.carried.knock.set(options.startedAt);
    this.#searchUntil = options.startedAt + timing.settleMaxMs;
    parts.timers.carried.gossip.set(options.startedAt + timing.gossipIntervalMs);
  }

  get isHearing(): boolean {
    return this.#isMesh ? !this.#isAlone : !this.#isDeaf;
  }

  problems(): string[] {
    if (!this.#isMesh && this.#isDeaf) {
      return [`This node does not hear its own broadcasts: ${this.parts.options.deafHelp}.`];
    }
    if (this.#isMesh && this.#isAlone) {
      return [
        'None of the configured peers has answered: check UDP_PEERS, that UDP_PORT is open between the hosts, and that all ' +
          'have the same CLUSTER_SECRET and CLUSTER_NAME.',
      ];
    }
    return [];
  }

  /** Mesh: some seed has not answered, and its time to answer is not over. */
  isSearching(now: number): boolean {
    if (now >= this.#searchUntil) return false;
    const met = new Set(this.parts.members.all.map(({ endpoint }) => endpoint));
    return this.#seeds.some((seed) => !met.has(seed) && !this.#ownEndpoints.has(seed));
  }

  setSeeds(now: number, endpoints: readonly Endpoint[], areAllKnown: boolean): void {
    this.#seeds = endpoints;
    for (const own of this.#ownEndpoints) if (!endpoints.includes(own)) this.#ownEndpoints.delete(own);
    this.#areSeedsKnown = areAllKnown;
    if (!this.#isMesh) return;
    this.parts.timers.carried.knock.set(now);
    // A node that has a peer learns of the others from it.
    if (!this.#hasMet) this.#searchUntil = now + this.parts.timing.settleMaxMs;
  }

  /** Now and then in broadcast mode; in a mesh where a seed may be our own address. */
  listensForItself(now: number, arrival: Arrival, source: Endpoint): boolean {
    if (!this.#isMesh) {
      return arrival === 'shared' && now - this.#heardOurselvesAt >= this.parts.timing.reportIntervalMs;
    }
    return this.#seeds.includes(source) && !this.#ownEndpoints.has(source);
  }

  heardOurselves(now: number, arrival: Arrival, source: Endpoint): void {
    if (arrival === 'shared') {
      this.#heardOurselvesAt = now;
      this.#isDeaf = false;
      this.#wasToldDeaf = false;
    } else {
      this.#ownEndpoints.add(source);
    }
  }

  forgive(ms: number): void {
    this.#heardOurselvesAt += ms;
  }

  /** R15: for `ms` nothing was carried. */
  resume(ms: number): void {
    this.forgive(ms);
    this.#listeningSince += ms;
    this.#searchUntil += ms;
  }

  /** Every report interval. */
  judge(now: number): void {
    const { pace, timing } = this.parts;
    const patienceMs = Math.max(timing.deafAfterMs, DEAF_REPORTS * pace.idleMs);
    const isPatient = now - this.#listeningSince < patienceMs;
    if (!this.#isMesh) {
      this.#isDeaf = now - this.#heardOurselvesAt >= patienceMs;
      if (this.#isDeaf && !isPatient && !this.#wasToldDeaf) {
        this.#wasToldDeaf = true;
        this.parts.journal.warn('deaf', this.problems().join(' '));
      }
      return;
    }
    const hasOthers = !this.#areSeedsKnown || this.#seeds.some((seed) => !this.#ownEndpoints.has(seed));
    this.#isAlone = hasOthers && !this.#hasMet;
    if (this.#isAlone && !isPatient && !this.#wasToldAlone) {
      this.#wasToldAlone = true;
      this.parts.journal.warn('alone', this.problems().join(' '));
    }
    if (!this.#isAlone) this.#wasToldAlone = false;
  }

  knock(now: number): void {
    const { options, timing } = this.parts;
    this.parts.timers.carried.knock.set(now + timing.knockIntervalMs * (0.75 + 0.5 * options.random()));
    const known = new Set(this.parts.members.all.map(({ endpoint }) => endpoint));
    for (const seed of this.#seeds) {
      if (!known.has(seed) && !this.#ownEndpoints.has(seed)) this.handshake.knock(now, seed);
    }
  }

  /** Tells everyone of as many peers as one datagram has room for. The next call goes on with the next ones. */
  gossip(now: number): void {
    const { members, options, outbox, pace, timing } = this.parts;
    this.parts.timers.carried.gossip.set(
      now + pace.scale * timing.gossipIntervalMs * (0.75 + 0.5 * options.random()),
    );
    const alive = members.all.filter(
      ({ endpoint, isProven, isSilent }) => isProven && !isSilent && IPV4_ENDPOINT.test(endpoint),
    );
    if (alive.length < 2) return;
    const room = this.#room;
    if (this.#gossipFrom >= alive.length) this.#gossipFrom = 0;
    this.#write(alive.slice(this.#gossipFrom, this.#gossipFrom + room));
    this.#gossipFrom += room;
    outbox.toAll();
  }

  /** Tells a newcomer of all our peers. */
  introduceAllTo(newcomer: Peer): void {
    const { members, outbox } = this.parts;
    const others = members.all.filter((peer) => peer !== newcomer && peer.isProven && !peer.isSilent);
    const room = this.#room;
    for (let from = 0; from < others.length; from += room) {
      this.#write(others.slice(from, from + room));
      outbox.toPeer(newcomer);
    }
  }

  handleGossip(now: number, reader: ByteReader): void {
    const count = reader.u8();
    for (let entry = 0; entry < count; entry += 1) {
      const bootId = Buffer.from(reader.view(BOOT_ID_BYTES));
      const secret = this.parts.keyring.secretWithTag(reader.u16());
      const address = [reader.u8(), reader.u8(), reader.u8(), reader.u8()].join('.');
      const endpoint = `${address}:${reader.u16()}`;
      if (secret >= 0) this.admission.meetByHearsay(now, bootId, secret, endpoint);
    }
  }

  get #isMesh(): boolean {
    return this.parts.options.mode === 'mesh';
  }

  get #hasMet(): boolean {
    return this.parts.members.all.some(({ isProven }) => isProven);
  }

  get #room(): number {
    const { writer } = this.parts.outbox;
    const fits = Math.floor((writer.capacity - GOSSIP_HEADER_BYTES) / GOSSIP_ENTRY_BYTES);
    return Math.min(GOSSIP_ENTRIES_MAX, fits);
  }

  #write(peers: readonly Peer[]): void {
    const { writer } = this.parts.outbox;
    writer.beginFrame(FRAME_GOSSIP).u8(peers.length);
    for (const { bootId, keys, endpoint } of peers) {
      writer.raw(bootId).u16(this.parts.keyring.tagOf(keys.secret));
      const colon = endpoint.lastIndexOf(':');
      for (const octet of endpoint.slice(0, colon).split('.')) writer.u8(Number(octet));
      writer.u16(Number(endpoint.slice(colon + 1)));
    }
    writer.endFrame();
  }
}
