/**
 * A rolling upgrade: nodes of the next and of the previous version beside one of ours, from first contact to leaving.
 *
 * The other versions are our core, with its datagrams rewritten on the wire. Whatever a later version may add is added
 * everywhere. The tests check how our version reads it.
 */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { nodeCipherSuite } from '../../bus/cipher-suites.js';
import type { Transmit } from '../contract.js';
import { OpenWire, type Frame } from '../testing/open-wire.js';
import { roomNamed, userNamed, VirtualLan, type Host } from '../testing/virtual-lan.js';
import * as frames from '../wire/frames.js';

const UNKNOWN_TYPE = 0xee;
const UNKNOWN_FIELD = 0xdd;
/** Bytes that would do harm if they were read. They are added after bodies with room for them, and as bodies alone. */
const unknown = Buffer.alloc(5, 0xff);
const unknownPart: Frame = { type: UNKNOWN_TYPE, body: unknown };

interface Introduction {
  readonly oldest: number;
  readonly newest: number;
  readonly capabilities: number;
}

/** Where the introduction begins in the frames that have one. */
const INTRODUCTION_AT = new Map([
  [frames.FRAME_HELLO, 14],
  [frames.FRAME_WELCOME, 24],
  [frames.FRAME_KNOCK, 0],
]);
const RECORD_HEADER_BYTES = new Map([
  [frames.FRAME_RECORD_BROADCAST, 7],
  [frames.FRAME_RECORD_UNICAST, 11],
]);
/** Bodies that do not end where their fields do can't be added to at their end: docs/cluster-protocol.md, "Bytes". */
const OPEN_FRAMES = new Set([frames.FRAME_PAD, frames.FRAME_NACK]);
const CLOSED_MESSAGES = new Set([
  frames.MESSAGE_ANNOUNCE,
  frames.MESSAGE_WITHDRAW,
  frames.MESSAGE_SNAPSHOT_END,
  frames.MESSAGE_RECEIPT,
]);

const introducedAs = ({ type, body }: Frame, { oldest, newest, capabilities }: Introduction): Frame => {
  const at = INTRODUCTION_AT.get(type);
  if (at === undefined) return { type, body };
  const changed = Buffer.from(body);
  changed.writeUInt8(oldest, at);
  changed.writeUInt8(newest, at + 1);
  changed.writeUInt32BE(capabilities, at + 2);
  return { type, body: changed };
};

const partsOf = (bytes: Buffer): Frame[] => {
  const parts: Frame[] = [];
  for (let at = 0; at < bytes.length;) {
    const start = at + frames.MESSAGE_HEADER_BYTES;
    const end = start + bytes.readUInt16BE(at + 1);
    parts.push({ type: bytes.readUInt8(at), body: bytes.subarray(start, end) });
    at = end;
  }
  return parts;
};

const bytesOf = (parts: readonly Frame[]): Buffer =>
  Buffer.concat(
    parts.flatMap(({ type, body }) => [Buffer.from([type, body.length >> 8, body.length & 0xff]), body]),
  );

/** Every flag that has no meaning yet, and a field of an unknown type before those that there are. */
const nextUserMessage = (body: Buffer): Buffer => {
  const flags = body.readUInt8(0);
  let at = 2 + body.readUInt8(1);
  if ((flags & frames.USER_HAS_FROM) !== 0) at += 1 + body.readUInt8(at);
  if ((flags & frames.USER_WANTS_RECEIPT) !== 0) at += 4;
  const hasFields = (flags & frames.USER_HAS_FIELDS) !== 0;
  const fieldsStart = hasFields ? at + 2 : at;
  const fieldsEnd = hasFields ? fieldsStart + body.readUInt16BE(at) : at;
  const fields = Buffer.concat([
    Buffer.from([UNKNOWN_FIELD, 0, unknown.length]),
    unknown,
    body.subarray(fieldsStart, fieldsEnd),
  ]);
  return Buffer.concat([
    Buffer.from([flags | frames.USER_HAS_FIELDS | frames.USER_VOLATILE | 0xf0]),
    body.subarray(1, at),
    Buffer.from([fields.length >> 8, fields.length & 0xff]),
    fields,
    body.subarray(fieldsEnd),
  ]);
};

/** Every flag that has no meaning yet. */
const nextGroupMessage = (body: Buffer): Buffer =>
  Buffer.concat([Buffer.from([body.readUInt8(0) | frames.GROUP_VOLATILE | 0xc0]), body.subarray(1)]);

const nextMessage = ({ type, body }: Frame): Frame => {
  if (type === frames.MESSAGE_USER) return { type, body: nextUserMessage(body) };
  if (type === frames.MESSAGE_GROUP) return { type, body: nextGroupMessage(body) };
  return CLOSED_MESSAGES.has(type) ? { type, body: Buffer.concat([body, unknown]) } : { type, body };
};

const nextFrame = ({ type, body }: Frame): Frame => {
  const headerBytes = RECORD_HEADER_BYTES.get(type);
  if (headerBytes === undefined) {
    return OPEN_FRAMES.has(type) ? { type, body } : { type, body: Buffer.concat([body, unknown]) };
  }
  const messages = partsOf(body.subarray(headerBytes)).flatMap((message) => [
    unknownPart,
    nextMessage(message),
  ]);
  return { type, body: Buffer.concat([body.subarray(0, headerBytes), bytesOf([...messages, unknownPart])]) };
};

type Version = (transmit: Transmit, wire: OpenWire) => Buffer;

const speaking =
  (introduction: Introduction): Version =>
  (transmit, wire) =>
    wire.withFrames(
      transmit,
      wire.framesOf(transmit).map((frame) => introducedAs(frame, introduction)),
    );

const previousVersion = speaking({ oldest: 0, newest: 1, capabilities: 0 });

const nextVersion: Version = (transmit, wire) => {
  const bytes = Buffer.from(transmit.bytes);
  // The header's flags, but for the one that says which key.
  bytes[1] = (bytes[1] as number) | 0xfe;
  return wire.withFrames({ ...transmit, bytes }, [
    unknownPart,
    ...wire
      .framesOf(transmit)
      .map((frame) => nextFrame(introducedAs(frame, { oldest: 1, newest: 2, capabilities: 0xffff_ffff })))
      .flatMap((frame) => [frame, unknownPart]),
  ]);
};

let lan: VirtualLan;
let wire: OpenWire;
let versions: Map<Host, Version>;

beforeEach(() => {
  lan = new VirtualLan(nodeCipherSuite);
  wire = new OpenWire(lan, nodeCipherSuite);
  versions = new Map();
  lan.alters = (transmit, from) => {
    const version = versions.get(from);
    return version === undefined ? transmit : { ...transmit, bytes: version(transmit, wire) };
  };
});

const add = (name: string, version: Version | null, mode: 'broadcast' | 'mesh'): Host => {
  const host = lan.add(name, { mode, seeds: mode === 'mesh' ? ['10.77.0.1:4000'] : [] });
  if (version !== null) versions.set(host, version);
  return host;
};

const data = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

describe.each(['broadcast', 'mesh'] as const)('nodes of three versions in one cluster (%s)', (mode) => {
  let hosts: readonly Host[];

  beforeEach(() => {
    hosts = [
      add('present', null, mode),
      add('next', nextVersion, mode),
      add('previous', previousVersion, mode),
    ];
    hosts.forEach(({ node }, index) => node.join(lan.now, userNamed(`user-${index}`), index + 1));
    lan.run(3_000);
  });

  it('meet, and learn each other’s users', () => {
    for (const host of hosts) {
      expect(host.node.isReady()).toBe(true);
      expect(host.node.peers()).toMatchObject([
        { state: 'up', entries: 1, complete: true },
        { state: 'up', entries: 1, complete: true },
      ]);
      expect(lan.of(host, 'warning')).toEqual([]);
    }
    hosts.forEach(({ node }, index) => node.join(lan.now, userNamed(`later-${index}`), index + 10));
    lan.run(20);
    for (const host of hosts) {
      expect(lan.of(host, 'reachable')).toHaveLength(2);
      expect(host.node.peers()).toMatchObject([{ entries: 2 }, { entries: 2 }]);
    }
    hosts.forEach(({ node }, index) => node.leave(lan.now, userNamed(`later-${index}`), 0));
    lan.run(20);
    for (const { node } of hosts) expect(node.peers()).toMatchObject([{ entries: 1 }, { entries: 1 }]);
  });

  it('carry messages with names, receipts and of any size, publications and questions, through loss', () => {
    lan.lossRate = 0.1;
    const large = 'x'.repeat(20_000);
    hosts.forEach(({ node }, from) => {
      hosts.forEach((_, to) => {
        if (to === from) return;
        const token = 100 + 10 * from + to;
        const message = { to: `user-${to}`, from: `user-${from}` };
        expect(node.send(lan.now, { ...message, data: data(1), messageId: 'one' }, token)).toBe('queued');
        expect(node.send(lan.now, { ...message, data: data(large) }, 0)).toBe('queued');
        expect(node.send(lan.now, { to: `user-${to}`, from: null, data: data(3) }, 0)).toBe('queued');
      });
      node.publish(lan.now, 'news', Buffer.from(String(from)));
      node.ask(lan.now, 'where', Buffer.from('?'), 900, 1_000 + from);
    });
    lan.run(1_000);
    hosts.forEach((host, index) => {
      const others = hosts.filter((other) => other !== host);
      for (const { node } of others) {
        const came = lan.of(host, 'message').filter(({ peer }) => peer === node.nodeId);
        const from = `user-${hosts.findIndex((other) => other.node === node)}`;
        const to = `user-${index}`;
        expect(came).toMatchObject([
          { to, from, messageId: 'one', data: data(1) },
          { to, from, messageId: null, data: data(large) },
          { to, from: null, messageId: null, data: data(3) },
        ]);
      }
      expect(lan.of(host, 'receipt').map(({ delivered, complete }) => [delivered, complete])).toEqual([
        [1, true],
        [1, true],
      ]);
      expect(lan.of(host, 'publication')).toHaveLength(2);
      expect(lan.of(host, 'answers')).toMatchObject([
        { answers: [{ body: Buffer.from('where!') }, { body: Buffer.from('where!') }], missing: [] },
      ]);
      expect(host.node.statistics().datagramsRejected.malformed).toBe(0);
    });
    lan.run(1_000);
    for (const { node } of hosts) expect(node.statistics().queuedRecords).toBe(0);
  });

  it('carry messages to rooms between those that know of rooms, and to no other', () => {
    const [present, next, previous] = hosts as [Host, Host, Host];
    const hall = roomNamed('hall');
    for (const [index, { node }] of [present, next].entries()) node.join(lan.now, hall, 50 + index);
    lan.run(20);
    for (const host of [present, next]) {
      expect(lan.of(host, 'reachable').at(-1)).toMatchObject({ complete: true });
    }
    // It stores what others hold, and takes no message for it.
    expect(previous.node.peers()).toMatchObject([{ entries: 2 }, { entries: 2 }]);
    const message = { room: 'hall', from: 'ann', data: data(1), messageId: 'one', event: 'typing' };
    expect(present.node.sendToRoom(lan.now, message, 60)).toBe('queued');
    expect(next.node.sendToRoom(lan.now, message, 61)).toBe('queued');
    lan.run(20);
    for (const host of [present, next]) {
      expect(lan.of(host, 'room-message')).toMatchObject([message]);
      expect(lan.of(host, 'receipt')).toMatchObject([{ delivered: 1, complete: true }]);
    }
    expect(lan.of(previous, 'room-message')).toEqual([]);
    for (const { node } of [present, next]) node.leave(lan.now, hall, 0);
    lan.run(10_000);
    expect(previous.node.peers()).toMatchObject([{ entries: 1 }, { entries: 1 }]);
  });

  it('carry messages to everybody where they are known, and say that others got none', () => {
    const [present, next, previous] = hosts as [Host, Host, Host];
    expect(present.node.sendToAll(lan.now, { from: null, data: data(1) }, 70)).toBe('queued');
    lan.run(20);
    expect(lan.of(next, 'message-to-all')).toMatchObject([{ from: null, data: data(1) }]);
    expect(lan.of(previous, 'message-to-all')).toEqual([]);
    expect(lan.of(present, 'receipt').at(-1)).toMatchObject({ token: 70, delivered: 1, complete: false });
  });

  it('carry volatile messages in the stream to nodes that do not know their frames', () => {
    const [present, next, previous] = hosts as [Host, Host, Host];
    for (const [index, host] of [next, previous].entries()) {
      const before = lan.of(host, 'message').length;
      const message = { to: `user-${index + 1}`, from: null, data: data('fresh'), isVolatile: true };
      present.node.send(lan.now, message, 0);
      lan.run(20);
      const came = lan.of(host, 'message').slice(before);
      expect(came).toMatchObject([{ to: message.to, data: message.data }]);
    }
  });

  it('part without a loss', () => {
    for (const host of hosts) {
      host.node.shutdown(lan.now);
      lan.run(200);
    }
    const [present, , previous] = hosts as [Host, Host, Host];
    expect(lan.of(previous, 'peer').map(({ change, peer }) => [peer.name, change])).toEqual(
      expect.arrayContaining([
        ['present', 'left'],
        ['next', 'left'],
      ]),
    );
    for (const host of [present, previous]) expect(lan.of(host, 'gap')).toEqual([]);
  });
});

describe.each([
  ['has given up ours', { oldest: 2, newest: 3, capabilities: 0 }],
  ['does not know ours yet', { oldest: 0, newest: 0, capabilities: 0 }],
])('a node of a version that %s', (_name, introduction) => {
  let present: Host;
  let other: Host;

  beforeEach(() => {
    present = add('present', null, 'broadcast');
    // Both directions are rewritten, so that neither node finds a common version.
    versions.set(present, speaking(introduction));
    other = add('other', speaking(introduction), 'broadcast');
    other.node.join(lan.now, userNamed('olga'), 1);
    lan.run(4_000);
  });

  it('is refused, and the log says why, at both ends', () => {
    for (const [host, name] of [
      [present, 'other'],
      [other, 'present'],
    ] as const) {
      expect(host.node.peers()).toEqual([]);
      expect(lan.of(host, 'peer')).toEqual([]);
      const [warning, ...more] = lan.of(host, 'warning');
      expect(more).toEqual([]);
      expect(warning?.code).toBe('protocol-version');
      expect(warning?.message).toContain(name);
      expect(warning?.message).toContain(`${introduction.oldest} to ${introduction.newest}`);
    }
  });

  it('holds up nobody: it is not waited for, nor routed to', () => {
    expect(present.node.isReady()).toBe(true);
    present.node.join(lan.now, userNamed('ann'), 1);
    expect(present.node.send(lan.now, { to: 'olga', from: null, data: data(1) }, 2)).toBe('none');
    lan.run(20);
    expect(lan.of(present, 'reachable')).toMatchObject([{ token: 1 }]);
    // The answer comes at once, but olga may be connected to that node.
    expect(lan.of(present, 'receipt')).toMatchObject([{ token: 2, complete: false }]);
  });

  it('is named as not mutual, with the reason, for as long as it is there', () => {
    lan.run(12_000);
    const gaps = lan.of(present, 'gap');
    expect(gaps.length).toBeGreaterThanOrEqual(2);
    for (const gap of gaps) {
      expect(gap).toMatchObject({ kind: 'not-mutual', peer: other.node.nodeId });
      expect(gap.reason).toContain('version');
    }
  });

  it('is met like any other once it speaks ours', () => {
    versions.clear();
    lan.run(6_000);
    expect(present.node.peers()).toMatchObject([{ name: 'other', state: 'up', entries: 1 }]);
    expect(other.node.peers()).toMatchObject([{ name: 'present', state: 'up' }]);
  });
});

describe('a version whose datagrams can not even be opened', () => {
  it('is recognised by the first byte, counted, and logged once a minute', () => {
    const host = lan.add('present');
    lan.run(2_000);
    const strange = Buffer.alloc(200, 7);
    strange[0] = 0xd2;
    for (let count = 0; count < 1_000; count += 1) {
      host.node.handleDatagram(lan.now, 'shared', strange, '10.77.0.9:4000');
      lan.run(100);
    }
    const rejected = Object.entries(host.node.statistics().datagramsRejected);
    expect(rejected.filter(([, count]) => count > 0)).toEqual([['other-version', 1_000]]);
    const warnings = lan.of(host, 'warning');
    expect(warnings.length).toBeGreaterThanOrEqual(1);
    expect(warnings.length).toBeLessThanOrEqual(2);
    expect(warnings[0]).toMatchObject({ code: 'protocol-version' });
    expect(warnings[0]?.message).toContain('10.77.0.9:4000');
    strange[0] = 0x45;
    host.node.handleDatagram(lan.now, 'shared', strange, '10.77.0.9:4000');
    expect(host.node.statistics().datagramsRejected['foreign']).toBe(1);
  });
});
