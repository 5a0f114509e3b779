import type { CipherSuite } from '../src/cluster/protocol/wire/cipher.js';
import { ClusterNode } from '../src/cluster/protocol/cluster-node.js';
import type { ProtocolEvent } from '../src/cluster/protocol/contract.js';

/** Seals nothing, so that only the core is measured. */
const openly: CipherSuite = {
  mac: (key, data) => {
    const out = Buffer.alloc(32);
    data.forEach((byte, at) => {
      out[at % 32] = ((out[at % 32] as number) * 31 + byte + (key[at % key.length] as number)) & 255;
    });
    return out;
  },
  aead: () => ({
    seal: (_nonce, _header, plain, out) => {
      out.set(plain);
    },
    open: (_nonce, _header, sealed, out) => {
      out.set(sealed.subarray(0, out.length));
      return true;
    },
  }),
};

export function makeNode(index: number, startedAt: number): ClusterNode {
  return new ClusterNode({
    bootId: Buffer.alloc(12, index),
    nodeName: `n${index}`,
    clusterName: 'measure',
    version: '0',
    secrets: [Buffer.alloc(32, 1)],
    mode: 'broadcast',
    seeds: [],
    datagramBytes: 1_200,
    datagramBytesMax: 32_768,
    deafHelp: 'it is no real network',
    messageBytesMax: 65_536,
    receiveBufferBytes: 64 << 20,
    random: () => 0.5,
    cipher: openly,
    startedAt,
  });
}

/** Two nodes joined by calls, with a clock of their own. */
export interface Pair {
  readonly now: number;
  /** Datagrams carried so far, in both directions. */
  readonly bytes: number;
  /** Wall-clock milliseconds spent on b's side. */
  readonly receivingMs: number;
  /** Messages that b got, and receipts that a got. */
  readonly received: number;
  readonly receipts: number;
  turn(ms: number): void;
}

export function connect(a: ClusterNode, b: ClusterNode): Pair {
  const state = { now: 0, bytes: 0, receivingMs: 0, received: 0, receipts: 0 };
  const carry = (from: ClusterNode, to: ClusterNode, source: string): void => {
    for (let out = from.pollTransmit(); out !== undefined; out = from.pollTransmit()) {
      state.bytes += out.bytes.length;
      if (out.to === null) from.handleDatagram(state.now, 'shared', out.bytes, source);
      to.handleDatagram(state.now, out.to === null ? 'shared' : 'own', out.bytes, source);
    }
  };
  const handle = (node: ClusterNode, event: ProtocolEvent): void => {
    if (event.type === 'receipt') state.receipts += 1;
    if (event.type !== 'message') return;
    state.received += 1;
    if (event.receipt !== 0) node.acknowledge(state.now, event.peer, event.receipt, 1);
  };
  const drain = (node: ClusterNode): void => {
    for (let event = node.pollEvent(); event !== undefined; event = node.pollEvent()) handle(node, event);
  };
  const end = (node: ClusterNode): void => {
    node.flush(state.now);
    if (node.pollTimeout() <= state.now) node.handleTimeout(state.now);
  };
  return Object.assign(state, {
    turn: (ms: number): void => {
      state.now += ms;
      end(a);
      const started = performance.now();
      carry(a, b, '10.0.0.1:1');
      drain(b);
      end(b);
      state.receivingMs += performance.now() - started;
      carry(b, a, '10.0.0.2:1');
      drain(a);
    },
  });
}
