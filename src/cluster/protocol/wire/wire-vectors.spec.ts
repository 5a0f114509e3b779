/**
 * The bytes of every frame and message, pinned: wire-vectors.json is what other implementations check themselves
 * against. It comes from scripted conversations with fixed boot ids, secrets and randomness. A deliberate change of the
 * wire is written with UPDATE_WIRE_VECTORS=1, and needs a version of the protocol that tells the two apart, unless it
 * only adds what older nodes skip.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { nodeCipherSuite } from '../../bus/cipher-suites.js';
import { NameHasher } from '../directory/name-hash.js';
import { roomNamed, userNamed, VirtualLan, type Host } from '../testing/virtual-lan.js';
import { DATAGRAM_OVERHEAD_BYTES, HEADER_BYTES, isSealedForPair, packetNumberOf } from './datagram.js';
import * as frames from './frames.js';
import { Keyring, OpeningChannel, type HashKeys } from './sealing.js';

interface Vectors {
  readonly keys: Record<string, string>;
  readonly userHashes: Record<string, string>;
  /** Opened and sealed form of whole datagrams. */
  readonly datagrams: Record<string, { sealed: string; plain: string }>;
  /** type u8, length u16, body */
  readonly frames: Record<string, string>;
  readonly messages: Record<string, string>;
}

const file = new URL(
  './wire-vectors.json',
  `file://${process.cwd()}/src/cluster/protocol/wire/wire-vectors.spec.ts`,
);
const secret = Buffer.alloc(32, 1);
const trace = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceFlags: 1 };
const names = Object.entries(frames).filter(([name]) => !name.endsWith('_BYTES'));
const nameOf = (prefix: string, type: number): string =>
  names.find(([name, value]) => name.startsWith(prefix) && value === type)?.[0] ?? `${prefix}${type}`;
const frameNames = names.map(([name]) => name).filter((name) => name.startsWith('FRAME_'));
const messageNames = names.map(([name]) => name).filter((name) => name.startsWith('MESSAGE_'));

const bootOf = ({ node }: Host): Buffer => Buffer.from(node.nodeId, 'hex');

/** Everything a conversation put on the wire, opened, by kind; the first of each kind. */
function collect(lan: VirtualLan, into: Vectors): void {
  const keyring = new Keyring(nodeCipherSuite, 'lanfare', [secret]);
  for (const { transmit, from } of lan.recorded) {
    const { bytes, to } = transmit;
    const sender = lan.hosts.find(({ endpoint }) => endpoint === from) as Host;
    const receiver = lan.hosts.find(({ endpoint }) => endpoint === to) as Host;
    const pair = isSealedForPair(bytes) ? bootOf(receiver) : null;
    const plain = new OpeningChannel(keyring, 0, bootOf(sender), pair, 0).open(
      packetNumberOf(bytes),
      bytes,
    ) as Buffer;
    expect(plain).not.toBeNull();
    expect(plain.length + DATAGRAM_OVERHEAD_BYTES).toBe(bytes.length);
    const key = pair === null ? 'broadcast' : 'pair';
    into.datagrams[key] ??= { sealed: bytes.toString('hex'), plain: plain.toString('hex') };
    into.keys['header bytes'] ??= String(HEADER_BYTES);
    each(plain, 0, plain.length, (type, start, end) => {
      const name = nameOf('FRAME_', type);
      into.frames[name] ??= plain.toString('hex', start - 3, end);
      if (type === frames.FRAME_RECORD_UNICAST) collectMessages(plain, start + 11, end, into);
      if (type === frames.FRAME_RECORD_BROADCAST) collectMessages(plain, start + 7, end, into);
    });
  }
}

function collectMessages(plain: Buffer, from: number, to: number, into: Vectors): void {
  each(plain, from, to, (type, start, end) => {
    let name = nameOf('MESSAGE_', type);
    if (type === frames.MESSAGE_USER) name += ` flags ${plain[start]}${fieldsOf(plain, start)}`;
    if (type === frames.MESSAGE_GROUP) name += ` flags ${plain[start]} kind ${plain[start + 1]}`;
    // The longest bodies say nothing that the shortest do not.
    const hex = plain.toString('hex', start - 3, end);
    const known = into.messages[name];
    if (known === undefined || hex.length < known.length) into.messages[name] = hex;
  });
}

/** Which optional fields a user's message has, for its name. */
function fieldsOf(plain: Buffer, start: number): string {
  if (((plain[start] as number) & frames.USER_HAS_FIELDS) === 0) return '';
  const at = start + 2 + (plain[start + 1] as number); // after the flags and the addressee
  const types: number[] = [];
  each(plain, at + 2, at + 2 + plain.readUInt16BE(at), (type) => types.push(type));
  return ` fields ${types.join(' ')}`;
}

function each(
  bytes: Buffer,
  from: number,
  to: number,
  visit: (type: number, start: number, end: number) => void,
): void {
  for (let at = from; at < to;) {
    const end = at + 3 + bytes.readUInt16BE(at + 1);
    visit(bytes[at] as number, at + 3, end);
    at = end;
  }
}

function record(): Vectors {
  const vectors: Vectors = { keys: {}, userHashes: {}, datagrams: {}, frames: {}, messages: {} };
  const keyring = new Keyring(nodeCipherSuite, 'lanfare', [secret]);
  const [hashKeys] = keyring.hashKeys as [HashKeys];
  Object.assign(vectors.keys, {
    'cluster name': 'lanfare',
    secret: secret.toString('hex'),
    'key tag': keyring.tagOf(0).toString(16).padStart(4, '0'),
    'hash key': hashKeys.user.toString('hex'),
    'room hash key': hashKeys.room.toString('hex'),
    'watch hash key': hashKeys.watch.toString('hex'),
  });
  const hasher = new NameHasher(hashKeys.user);
  for (const id of ['', '1', '2', '02', 'alice', 'ünïcode', '😀']) {
    vectors.userHashes[id] = hasher.key(id).toString(16).padStart(14, '0');
  }

  const lan = new VirtualLan(nodeCipherSuite);
  const a = lan.add('a', { datagramBytes: 600 });
  const b = lan.add('b', { datagramBytes: 600 });
  b.node.join(lan.now, userNamed('bob'), 1);
  lan.run(1_500);
  const data = Buffer.from('"hi"');
  a.node.send(lan.now, { to: 'bob', from: null, data }, 0);
  a.node.send(lan.now, { to: 'bob', from: 'ann', data }, 0);
  a.node.send(lan.now, { to: 'bob', from: 'ann', data }, 7);
  a.node.publish(lan.now, 'audit', Buffer.from('{}'));
  a.node.ask(lan.now, 'where', Buffer.from('1'), 500, 8);
  lan.run(20);
  a.node.send(lan.now, { to: 'bob', from: 'ann', data: Buffer.alloc(700, 'x') }, 0);
  b.node.join(lan.now, userNamed('eve'), 2);
  lan.run(20);
  b.node.leave(lan.now, userNamed('eve'), 2);
  // A record goes missing, first with a later one that shows it (NACK), then as the last one (POLL).
  lan.loses = ({ to }, host) => to !== null && host === b;
  a.node.send(lan.now, { to: 'bob', from: null, data }, 0);
  a.node.flush(lan.now);
  lan.run(0);
  lan.loses = () => false;
  a.node.send(lan.now, { to: 'bob', from: null, data }, 0);
  lan.run(100);
  lan.loses = ({ to }, host) => to !== null && host === b;
  a.node.send(lan.now, { to: 'bob', from: null, data }, 0);
  lan.run(1);
  lan.loses = () => false;
  lan.run(100);
  for (const fields of [{ messageId: 'm-1' }, { trace }, { messageId: 'm-1', trace }]) {
    a.node.send(lan.now, { to: 'bob', from: null, data, ...fields }, 0);
  }
  lan.run(20);
  b.node.join(lan.now, roomNamed('chat:42'), 3);
  lan.run(20);
  a.node.sendToRoom(lan.now, { room: 'chat:42', from: null, data }, 0);
  a.node.sendToRoom(lan.now, { room: 'chat:42', from: 'ann', data, messageId: 'm-1', event: 'typing' }, 9);
  lan.run(20);
  a.node.sendToRoom(lan.now, { room: 'chat:42', from: 'ann', data, isVolatile: true }, 0);
  a.node.sendToAll(lan.now, { from: null, data }, 10);
  a.node.send(lan.now, { to: 'bob', from: null, data: Buffer.alloc(600, 'x'), isVolatile: true }, 0);
  lan.run(20);
  b.node.shutdown(lan.now);
  lan.run(200);
  collect(lan, vectors);

  const mesh = new VirtualLan(nodeCipherSuite);
  for (const name of ['a', 'b', 'c'])
    mesh.add(name, { mode: 'mesh', seeds: ['10.77.0.1:4000'], datagramBytes: 600 });
  mesh.run(6_000);
  // Two peers announce at once: the third acks both together.
  const [, second, third] = mesh.hosts as [Host, Host, Host];
  second.node.join(mesh.now, userNamed('eve'), 1);
  third.node.join(mesh.now, userNamed('mal'), 1);
  mesh.run(20);
  collect(mesh, vectors);
  return vectors;
}

describe('the bytes on the wire', () => {
  const vectors = record();

  it('show every type of frame and message', () => {
    expect(Object.keys(vectors.frames).sort()).toEqual([...frameNames].sort());
    const messages = new Set(Object.keys(vectors.messages).map((name) => name.split(' ')[0] as string));
    expect([...messages].sort()).toEqual([...messageNames].sort());
  });

  it('are those of wire-vectors.json', () => {
    if (process.env['UPDATE_WIRE_VECTORS'] !== undefined) {
      writeFileSync(file, `${JSON.stringify(vectors, null, 2)}\n`);
    }
    expect(vectors).toEqual(JSON.parse(readFileSync(file, 'utf8')));
  });
});
