/**
 * Real nodes on a made-up LAN with a virtual clock. A datagram takes 0.2 ms to each of the others, unless `delayMs` says
 * otherwise. It is for tests of one conversation at a time. For faults at random there is the simulation.
 */
import { ClusterNode } from '../cluster-node.js';
import type { Address, ProtocolEvent, Transmit } from '../contract.js';
import type { ClusterNodeOptions } from '../options.js';
import type { CipherSuite } from '../wire/cipher.js';

/** Of every host that brings none of its own. */
export const VIRTUAL_LAN_SECRET = Buffer.alloc(32, 1);

/** mulberry32: small, seeded, good enough to drop datagrams with. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export const userNamed = (name: string): Address => ({ kind: 'user', name });
export const roomNamed = (name: string): Address => ({ kind: 'room', name });

export interface Host {
  readonly node: ClusterNode;
  readonly endpoint: string;
  readonly events: ProtocolEvent[];
  isPaused: boolean;
}

export class VirtualLan {
  now = 1_000;
  lossRate = 0;
  readonly hosts: Host[] = [];
  /** Everything that went over the wire, for a listener with a recorder. */
  readonly recorded: { transmit: Transmit; from: string }[] = [];
  readonly #random = seeded(7);
  /** Says which datagrams never arrive. */
  loses: (transmit: Transmit, to: Host, from: Host) => boolean = () => false;
  /** What becomes of a datagram on its way: a node of another version, a forger. */
  alters: (transmit: Transmit, from: Host) => Transmit = (transmit) => transmit;
  /** How long a datagram takes to a host. */
  delayMs: (to: Host) => number = () => 0.2;
  #inFlight: { at: number; to: Host; arrival: 'shared' | 'own'; bytes: Buffer; from: string }[] = [];

  constructor(private readonly cipher: CipherSuite) {}

  add(name: string, overrides: Partial<ClusterNodeOptions> = {}): Host {
    const index = this.hosts.length + 1;
    const endpoint = `10.77.0.${index}:4000`;
    const options: ClusterNodeOptions = {
      bootId: Buffer.alloc(12, index * 17),
      nodeName: name,
      clusterName: 'lanfare',
      version: '1.0.0',
      secrets: [VIRTUAL_LAN_SECRET],
      mode: 'broadcast',
      seeds: [],
      datagramBytes: 1_200,
      datagramBytesMax: 32_768,
      deafHelp: 'it is a test',
      messageBytesMax: 1 << 20,
      receiveBufferBytes: 8 << 20,
      random: seeded(index),
      cipher: this.cipher,
      startedAt: this.now,
      ...overrides,
    };
    const host: Host = { node: new ClusterNode(options), endpoint, events: [], isPaused: false };
    this.hosts.push(host);
    return host;
  }

  run(ms: number): void {
    const end = this.now + ms;
    while (this.now <= end) {
      this.#settle();
      let next = Infinity;
      for (const host of this.hosts) if (!host.isPaused) next = Math.min(next, host.node.pollTimeout());
      for (const { at } of this.#inFlight) next = Math.min(next, at);
      if (next > end) break;
      this.now = Math.max(this.now, next);
      const due = this.#inFlight.filter(({ at }) => at <= this.now);
      this.#inFlight = this.#inFlight.filter(({ at }) => at > this.now);
      for (const { to, arrival, bytes, from } of due) {
        if (!to.isPaused) to.node.handleDatagram(this.now, arrival, bytes, from);
      }
      for (const host of this.hosts) {
        // twice: what is judged can be news, and then a report is due at once
        for (let turn = 0; turn < 2 && !host.isPaused && host.node.pollTimeout() <= this.now; turn += 1) {
          host.node.handleTimeout(this.now);
        }
        if (!host.isPaused && host.node.pollTimeout() <= this.now) {
          throw new Error('a timeout that was handled is still due');
        }
      }
    }
    this.now = end;
    this.#settle();
  }

  of<T extends ProtocolEvent['type']>(host: Host, type: T): Extract<ProtocolEvent, { type: T }>[] {
    return host.events.filter((event): event is Extract<ProtocolEvent, { type: T }> => event.type === type);
  }

  #settle(): void {
    for (const host of this.hosts) {
      if (host.isPaused) continue;
      host.node.flush(this.now);
      for (let event = host.node.pollEvent(); event !== undefined; event = host.node.pollEvent()) {
        host.events.push(event);
        if ('receipt' in event && event.receipt !== 0) {
          host.node.acknowledge(this.now, event.peer, event.receipt, 1);
        }
        if (event.type === 'question') {
          host.node.answer(this.now, event.peer, event.id, Buffer.from(`${event.topic}!`));
        }
      }
      host.node.flush(this.now);
      for (let sent = host.node.pollTransmit(); sent !== undefined; sent = host.node.pollTransmit()) {
        const out = this.alters(sent, host);
        this.recorded.push({ transmit: out, from: host.endpoint });
        for (const to of this.hosts) {
          if (out.to !== null && out.to !== to.endpoint) continue;
          if (to !== host && (this.#random() < this.lossRate || this.loses(out, to, host))) continue;
          const arrival = out.to === null ? 'shared' : 'own';
          this.#inFlight.push({
            at: this.now + this.delayMs(to),
            to,
            arrival,
            bytes: out.bytes,
            from: host.endpoint,
          });
        }
      }
    }
  }
}
