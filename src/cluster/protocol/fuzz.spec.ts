import { describe, expect, it } from '@jest/globals';
import { nodeCipherSuite } from '../bus/cipher-suites.js';
import { roomNamed, seeded, userNamed, VirtualLan, type Host } from './testing/virtual-lan.js';
import type { CipherSuite } from './wire/cipher.js';

/** FUZZ_DATAGRAMS=1000000 for the long run; FUZZ_SEED to play one again. */
const datagrams = Number(process.env['FUZZ_DATAGRAMS'] ?? 20_000);
const seed = Number(process.env['FUZZ_SEED'] ?? 1);

/** One to four changes: bytes flipped, set, cut off, put in or moved. */
function mutate(original: Buffer, random: () => number): Buffer {
  let bytes = Buffer.from(original);
  const pick = (below: number): number => Math.floor(random() * below);
  for (let change = pick(4); change >= 0; change -= 1) {
    const at = pick(bytes.length + 1);
    const kind = pick(5);
    if (kind === 0 && at < bytes.length) bytes[at] = (bytes[at] as number) ^ (1 << pick(8));
    else if (kind === 1 && at < bytes.length) bytes[at] = pick(256);
    else if (kind === 2) bytes = bytes.subarray(0, at);
    else if (kind === 3)
      bytes = Buffer.concat([bytes.subarray(0, at), Buffer.alloc(pick(9), pick(256)), bytes.subarray(at)]);
    else if (bytes.length > 0) bytes.copyWithin(at, pick(bytes.length), pick(bytes.length + 1));
  }
  return bytes;
}

const trace = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceFlags: 1 };

/** Users come and go, messages of all kinds travel. */
function converse(lan: VirtualLan, [a, b]: readonly [Host, Host], round: number): void {
  const data = Buffer.from(JSON.stringify('x'.repeat(round % 50 === 0 ? 4_000 : round % 40)));
  b.node.join(lan.now, userNamed(`passing-${round}`), round + 10);
  a.node.send(
    lan.now,
    { to: 'bob', from: round % 2 === 0 ? 'ann' : null, data },
    round % 3 === 0 ? round + 1 : 0,
  );
  b.node.send(lan.now, { to: 'ann', from: 'bob', data }, 0);
  if (round % 5 === 0) a.node.send(lan.now, { to: 'bob', from: null, data, messageId: 'm', trace }, 0);
  if (round % 4 === 0) {
    b.node.join(lan.now, roomNamed('hall'), round + 1_000);
    a.node.sendToRoom(
      lan.now,
      { room: 'hall', from: 'ann', data, messageId: 'm', event: 'typing' },
      round + 1,
    );
  }
  if (round % 3 === 0) a.node.send(lan.now, { to: 'bob', from: 'ann', data, isVolatile: true }, 0);
  if (round % 7 === 0) a.node.publish(lan.now, 'audit', data);
  if (round % 11 === 0) a.node.ask(lan.now, 'where', data, 500, round + 1);
  lan.run(3);
  b.node.leave(lan.now, userNamed(`passing-${round}`), round + 10);
}

function startConversation(cipherOfA: CipherSuite): { lan: VirtualLan; a: Host; b: Host } {
  const lan = new VirtualLan(nodeCipherSuite);
  const a = lan.add('a', { cipher: cipherOfA });
  const b = lan.add('b');
  a.node.join(lan.now, userNamed('ann'), 1);
  b.node.join(lan.now, userNamed('bob'), 2);
  lan.run(1_500);
  return { lan, a, b };
}

describe('mutated datagrams', () => {
  it(`change nothing: ${datagrams} forged from a real conversation (seed ${seed})`, () => {
    const random = seeded(seed);
    const { lan, a, b } = startConversation(nodeCipherSuite);
    for (let round = 0; round < 300; round += 1) converse(lan, [a, b], round);
    lan.run(1_000);
    const recorded = lan.recorded.slice(-2_000);
    b.events.length = 0;
    const before = JSON.stringify(b.node.peers());
    for (let count = 0; count < datagrams; count += 1) {
      const { transmit, from } = recorded[
        Math.floor(random() * recorded.length)
      ] as (typeof recorded)[number];
      const bytes = mutate(transmit.bytes, random);
      b.node.handleDatagram(lan.now, random() < 0.5 ? 'shared' : 'own', bytes, from);
    }
    // The first byte may be another version's, the key tag another secret's: worth a line each in the log, no more.
    const told: unknown[] = [];
    for (let event = b.node.pollEvent(); event !== undefined; event = b.node.pollEvent()) {
      told.push(event.type === 'warning' ? event.code : event);
    }
    expect(told).toHaveLength(2);
    expect(new Set(told)).toEqual(new Set(['other-key', 'protocol-version']));
    expect(JSON.stringify(b.node.peers())).toBe(before);
    expect(b.node.pollTransmit()).toBeUndefined();
  });

  it('of unknown boots leave nothing behind, however many come', () => {
    const { lan, a, b } = startConversation(nodeCipherSuite);
    const { transmit } = lan.recorded.at(-1) as (typeof lan.recorded)[number];
    const before = JSON.stringify(b.node.statistics().directoryEntries);
    const bytes = Buffer.from(transmit.bytes);
    for (let count = 0; count < datagrams; count += 1) {
      // As if from one more boot each, with our key tag, for all or for us.
      bytes.writeUInt32BE(count, 4);
      bytes.writeUInt8(count & 1, 1);
      b.node.handleDatagram(
        lan.now + count / 100,
        'own',
        bytes,
        `10.9.${count & 255}.${(count >> 8) & 255}:9`,
      );
    }
    const { bootsHeard, datagramsRejected, directoryEntries } = b.node.statistics();
    expect(bootsHeard).toBe(0);
    expect(JSON.stringify(directoryEntries)).toBe(before);
    // Most do not even cost a key.
    expect((datagramsRejected['too-many-strangers'] ?? 0) / datagrams).toBeGreaterThan(0.9);
    expect(b.node.peers()).toMatchObject([{ name: 'a', state: 'up' }]);
    expect(a.node.peers()).toMatchObject([{ name: 'b', state: 'up' }]);
  });

  it(`from a member that sends nonsense are counted, and end no process (seed ${seed})`, () => {
    const random = seeded(seed + 1);
    let isMad = false;
    let sealed = 0;
    const mad: CipherSuite = {
      mac: (key, data) => nodeCipherSuite.mac(key, data),
      aead: (key) => {
        const sane = nodeCipherSuite.aead(key);
        return {
          open: (nonce, header, bytes, out) => sane.open(nonce, header, bytes, out),
          seal(nonce, header, plain, out) {
            sealed += 1;
            // The length is the datagram's already: mutations here keep it.
            const text = isMad && random() < 0.5 ? mutate(plain, random) : plain;
            sane.seal(nonce, header, Buffer.concat([text, Buffer.alloc(plain.length)], plain.length), out);
          },
        };
      },
    };
    const { lan, a, b } = startConversation(mad);
    isMad = true;
    for (let round = 0; sealed < Math.min(datagrams, 20_000); round += 1) {
      converse(lan, [a, b], round);
      b.events.length = 0;
      a.events.length = 0;
      lan.recorded.length = 0;
    }
    expect(b.node.statistics().datagramsRejected['malformed']).toBeGreaterThan(100);
  });
});
