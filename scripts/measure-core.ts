/**
 * What the protocol core itself costs per message, sealing excluded: two nodes in one process, joined by calls, with a
 * cipher that does nothing. Prints microseconds of CPU per message sent and per message received.
 *
 *   npm run measure -- core
 */
import type { CipherSuite } from '../src/cluster/protocol/cipher.js';
import { ClusterNode } from '../src/cluster/protocol/cluster-node.js';
import { measure } from './measuring.js';

const MESSAGES = 1_000_000;
const PER_TURN = 200;

const openly: CipherSuite = {
  mac: (key, data) => {
    const out = Buffer.alloc(32);
    for (let at = 0; at < data.length; at += 1) {
      out[at % 32] =
        ((out[at % 32] as number) * 31 + (data[at] as number) + (key[at % key.length] as number)) & 255;
    }
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

function makeNode(index: number): ClusterNode {
  return new ClusterNode({
    bootId: Buffer.alloc(12, index),
    nodeName: `n${index}`,
    clusterName: 'measure',
    version: '0',
    secrets: [Buffer.alloc(32, 1)],
    mode: 'broadcast',
    seeds: [],
    datagramBytes: 1_200,
    messageBytesMax: 65_536,
    receiveBufferBytes: 64 << 20,
    random: () => 0.5,
    cipher: openly,
    startedAt: 0,
  });
}

const a = makeNode(1);
const b = makeNode(2);
let now = 0;
const spent = { sending: 0, receiving: 0 };
let received = 0;
let receipts = 0;

function carry(from: ClusterNode, to: ClusterNode, source: string): void {
  for (let out = from.pollTransmit(); out !== undefined; out = from.pollTransmit()) {
    if (out.to === null) from.handleDatagram(now, 'shared', out.bytes, source);
    to.handleDatagram(now, out.to === null ? 'shared' : 'own', out.bytes, source);
  }
}

function drain(node: ClusterNode): void {
  for (let event = node.pollEvent(); event !== undefined; event = node.pollEvent()) {
    if (event.type === 'message') {
      received += 1;
      if (event.receipt !== 0) node.acknowledge(now, event.peer, event.receipt, 1);
    } else if (event.type === 'receipt') receipts += 1;
  }
}

function turn(): void {
  a.flush(now);
  if (a.pollTimeout() <= now) a.handleTimeout(now);
  const started = process.hrtime.bigint();
  carry(a, b, '10.0.0.1:1');
  drain(b);
  b.flush(now);
  if (b.pollTimeout() <= now) b.handleTimeout(now);
  spent.receiving += Number(process.hrtime.bigint() - started);
  carry(b, a, '10.0.0.2:1');
  drain(a);
}

for (let user = 0; user < 10_000; user += 1) b.join(now, `user-${user}`, user + 1);
for (; now < 3_000; now += 1) turn();

const data = Buffer.from(JSON.stringify({ text: 'x'.repeat(80) }));
for (const wantsReceipt of [false, true]) {
  received = 0;
  receipts = 0;
  spent.receiving = 0;
  const total = measure(() => {
    for (let sent = 0; sent < MESSAGES;) {
      now += 0.5;
      for (let index = 0; index < PER_TURN; index += 1, sent += 1) {
        const result = a.send(
          now,
          { to: `user-${sent % 10_000}`, from: 'sender-1', data },
          wantsReceipt ? sent + 1 : 0,
        );
        if (result !== 'queued') throw new Error(result);
      }
      turn();
    }
    for (let index = 0; index < 100; index += 1, now += 1) turn();
  });
  if (received !== MESSAGES || (wantsReceipt && receipts !== MESSAGES))
    throw new Error(`${received} ${receipts}`);
  const us = (milliseconds: number): string => ((milliseconds * 1_000) / MESSAGES).toFixed(3);
  const receiving = spent.receiving / 1e6;
  process.stdout.write(
    `${wantsReceipt ? 'with receipt' : 'no receipt  '}: sending ${us(total - receiving)} us, receiving ${us(receiving)} us a message\n`,
  );
}
