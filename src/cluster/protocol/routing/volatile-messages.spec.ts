/** Volatile messages: never repaired, never waited for, dropped first, counted apart. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { nodeCipherSuite } from '../../bus/cipher-suites.js';
import type { Transmit } from '../contract.js';
import { OpenWire } from '../testing/open-wire.js';
import { roomNamed, userNamed, VirtualLan, type Host } from '../testing/virtual-lan.js';
import { FRAME_VOLATILE } from '../wire/frames.js';

let lan: VirtualLan;
let wire: OpenWire;
let a: Host;
let b: Host;

beforeEach(() => {
  lan = new VirtualLan(nodeCipherSuite);
  wire = new OpenWire(lan, nodeCipherSuite);
  a = lan.add('a');
  b = lan.add('b');
  b.node.join(lan.now, userNamed('bob'), 1);
  b.node.join(lan.now, roomNamed('hall'), 2);
  lan.run(2_000);
});

const bytes = (length: number): Buffer => Buffer.alloc(length, 'x');
const isVolatile = (transmit: Transmit): boolean => wire.carries(transmit, FRAME_VOLATILE);
const send = (data: string | Buffer, volatile = true): string =>
  a.node.send(lan.now, { to: 'bob', from: 'ann', data: Buffer.from(data), isVolatile: volatile }, 0);
const received = (): string[] => lan.of(b, 'message').map(({ data }) => data.toString());

describe('a volatile message', () => {
  it('arrives whole, marked, with all that it has', () => {
    const message = { from: 'ann', data: Buffer.from('1'), messageId: 'm', isVolatile: true };
    const trace = { traceId: 'ab'.repeat(16), spanId: 'cd'.repeat(8), traceFlags: 1 };
    a.node.send(lan.now, { to: 'bob', trace, ...message }, 0);
    a.node.sendToRoom(lan.now, { room: 'hall', event: 'typing', ...message }, 0);
    lan.run(1);
    expect(lan.of(b, 'message')).toMatchObject([{ to: 'bob', receipt: 0, trace, ...message }]);
    expect(lan.of(b, 'room-message')).toMatchObject([
      { room: 'hall', event: 'typing', receipt: 0, ...message },
    ]);
    expect(a.node.statistics()).toMatchObject({ volatileSent: 2, messagesSent: 0, queuedRecords: 0 });
    expect(b.node.statistics()).toMatchObject({ volatileReceived: 2, messagesReceived: 0 });
  });

  it('shares a datagram with others, goes to nobody but the holders, and is nothing to a user who is offline', () => {
    const c = lan.add('c');
    lan.run(2_000);
    lan.recorded.length = 0;
    for (let count = 0; count < 10; count += 1) send(String(count));
    expect(a.node.send(lan.now, { to: 'nobody', from: null, data: bytes(1), isVolatile: true }, 0)).toBe(
      'none',
    );
    lan.run(1);
    const sent = lan.recorded.filter(({ transmit }) => isVolatile(transmit));
    expect(sent.map(({ transmit }) => transmit.to)).toEqual([b.endpoint]);
    expect(received()).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
    expect(lan.of(c, 'message')).toEqual([]);
  });

  it('that is lost stays lost: nobody asks for it, nothing waits for it, and no gap is told', () => {
    lan.loses = isVolatile;
    send('lost');
    lan.run(1);
    lan.loses = () => false;
    send('certain', false);
    lan.run(5_000);
    expect(received()).toEqual(['certain']);
    expect(b.node.statistics().recordsRequested).toBe(0);
    for (const host of [a, b]) expect(lan.of(host, 'gap')).toEqual([]);
  });

  it('is dropped when a later one has come before it', () => {
    const late: Transmit[] = [];
    lan.loses = (transmit, to) => to === b && isVolatile(transmit) && late.push(transmit) > 0;
    send('older');
    lan.run(1);
    lan.loses = () => false;
    send('newer');
    lan.run(1);
    b.node.handleDatagram(lan.now, 'own', (late[0] as Transmit).bytes, a.endpoint);
    lan.run(1);
    expect(received()).toEqual(['newer']);
    expect(b.node.statistics().volatileLate).toBe(1);
  });

  it('that fits into no datagram travels in the stream, marked', () => {
    const large = 'y'.repeat(5_000);
    send(large);
    a.node.sendToRoom(lan.now, { room: 'hall', from: null, data: Buffer.from(large), isVolatile: true }, 0);
    lan.run(5);
    expect(lan.of(b, 'message')).toMatchObject([{ data: Buffer.from(large), isVolatile: true }]);
    expect(lan.of(b, 'room-message')).toMatchObject([{ data: Buffer.from(large), isVolatile: true }]);
    expect(lan.recorded.filter(({ transmit }) => isVolatile(transmit))).toEqual([]);
  });

  it('that nodes could not carry at all is refused', () => {
    expect(send(bytes((1 << 20) + 1))).toBe('too_large');
    const name = 'n'.repeat(256);
    expect(a.node.send(lan.now, { to: name, from: null, data: bytes(1), isVolatile: true }, 0)).toBe(
      'too_large',
    );
  });
});

describe('volatile messages are dropped, and counted,', () => {
  const sentAndDropped = (): [number, number] => {
    const { volatileSent, volatileDropped } = a.node.statistics();
    return [volatileSent, volatileDropped];
  };

  it('beyond a quarter of the window in a few milliseconds', () => {
    for (let count = 0; count < 1_000; count += 1) expect(send(bytes(1_000))).toBe('queued');
    const [sent, dropped] = sentAndDropped();
    expect([sent, sent + dropped]).toEqual([64, 1_000]);
    lan.run(5);
    expect(received()).toHaveLength(64);
    send(bytes(1_000));
    expect(sentAndDropped()).toEqual([65, 936]);
  });

  it('towards a peer whose queue is half full, while certain ones are taken', () => {
    while (a.node.statistics().queuedBytes < (2 << 20) + 10_000) send(bytes(10_000), false);
    send('volatile');
    expect(sentAndDropped()).toEqual([0, 1]);
    expect(send('certain', false)).toBe('queued');
  });

  it('towards a peer whose window is half full', () => {
    lan.loses = (_transmit, to) => to === b;
    for (let count = 0; count < 129; count += 1) send(bytes(1_100), false);
    a.node.flush(lan.now);
    send('volatile');
    expect(sentAndDropped()).toEqual([0, 1]);
  });

  it('towards a peer that has no session with us or has stalled, however large', () => {
    lan.loses = (transmit, to) => to === b && transmit.to !== null;
    send('certain', false);
    lan.run(700);
    send('volatile');
    send(bytes(5_000));
    expect(sentAndDropped()).toEqual([0, 2]);
    lan.loses = () => false;
    lan.run(2_000);
    expect(received()).toEqual(['certain']);
  });

  it('from a boot that has no session with us', () => {
    const recorded: Transmit[] = [];
    lan.loses = (transmit, to) => to === b && isVolatile(transmit) && recorded.push(transmit) > 0;
    send('recorded');
    lan.run(1);
    // b forgets a, and hears it again: it is heard, but has not answered yet
    lan.loses = (_transmit, to, from) => to === b && from === a;
    lan.run(10_000);
    b.node.handleDatagram(lan.now, 'own', (recorded[0] as Transmit).bytes, a.endpoint);
    lan.run(1);
    expect(received()).toEqual([]);
  });
});

describe('a volatile message to a room that most nodes hold', () => {
  let holders: Host[];
  let bystander: Host;

  beforeEach(() => {
    holders = [b, ...['c', 'd', 'e'].map((name) => lan.add(name))];
    bystander = lan.add('f');
    for (const { node } of holders.slice(1)) node.join(lan.now, roomNamed('hall'), 1);
    lan.run(2_000);
    lan.recorded.length = 0;
  });

  const sendToRoom = (data: string | Buffer): string =>
    a.node.sendToRoom(lan.now, { room: 'hall', from: null, data: Buffer.from(data), isVolatile: true }, 0);
  const receivedBy = (host: Host): string[] =>
    lan.of(host, 'room-message').map(({ data }) => data.toString());
  const volatileSent = (): (string | null)[] =>
    lan.recorded.filter(({ transmit }) => isVolatile(transmit)).map(({ transmit }) => transmit.to);

  it('goes to all by one broadcast, together with others, and each copy is counted', () => {
    for (let count = 0; count < 5; count += 1) expect(sendToRoom(String(count))).toBe('queued');
    lan.run(1);
    expect(volatileSent()).toEqual([null]);
    for (const holder of holders) expect(receivedBy(holder)).toEqual(['0', '1', '2', '3', '4']);
    expect(a.node.statistics()).toMatchObject({ volatileSent: 20, volatileDropped: 0, roomBroadcasts: 5 });
  });

  it('goes by unicast to those that hold it, once they are few', () => {
    holders[1]?.node.leave(lan.now, roomNamed('hall'), 1);
    lan.run(10_000);
    lan.recorded.length = 0;
    sendToRoom('few');
    lan.run(1);
    const few = holders.filter((_holder, index) => index !== 1);
    expect(new Set(volatileSent())).toEqual(new Set(few.map(({ endpoint }) => endpoint)));
    expect(receivedBy(bystander)).toEqual([]);
  });

  it('is dropped for all beyond a quarter of the window in a few milliseconds', () => {
    for (let count = 0; count < 1_000; count += 1) sendToRoom(bytes(1_000));
    const { volatileSent: sent, volatileDropped } = a.node.statistics();
    lan.run(1);
    expect(sent + volatileDropped).toBe(4_000);
    expect(volatileSent()).toHaveLength(sent / 4);
    expect(sent).toBeLessThan(200);
    for (const holder of holders) expect(receivedBy(holder)).toHaveLength(sent / 4);
  });

  it('goes by unicast while a holder lags behind in the broadcast stream', () => {
    const [slow] = holders as [Host];
    lan.loses = (transmit, to) => to === slow && !isVolatile(transmit);
    for (let count = 0; count < 300; count += 1) {
      a.node.publish(lan.now, 'news', bytes(1_000));
      lan.run(1);
    }
    lan.recorded.length = 0;
    sendToRoom('late');
    lan.run(1);
    expect(volatileSent()).not.toContain(null);
    for (const holder of holders.slice(1)) expect(receivedBy(holder)).toEqual(['late']);
  });

  it('is dropped when one that was sent later has come before it, also by broadcast', () => {
    const late: Transmit[] = [];
    lan.loses = (transmit, to) => to === b && isVolatile(transmit) && late.push(transmit) > 0;
    sendToRoom('older');
    lan.run(1);
    lan.loses = () => false;
    sendToRoom('newer');
    lan.run(1);
    b.node.handleDatagram(lan.now, 'shared', (late[0] as Transmit).bytes, a.endpoint);
    lan.run(1);
    expect(receivedBy(b)).toEqual(['newer']);
  });

  it('by broadcast counts only from a boot that has a session with the receiver', () => {
    const recorded: Transmit[] = [];
    lan.loses = (transmit, to) => to === b && isVolatile(transmit) && recorded.push(transmit) > 0;
    sendToRoom('recorded');
    lan.run(1);
    // b forgets a, and hears it again: it is heard, but has not answered yet
    lan.loses = (_transmit, to, from) => to === b && from === a;
    lan.run(10_000);
    b.node.handleDatagram(lan.now, 'shared', (recorded[0] as Transmit).bytes, a.endpoint);
    lan.run(1);
    expect(receivedBy(b)).toEqual([]);
  });
});
