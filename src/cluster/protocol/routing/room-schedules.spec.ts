/** Rare moments in the life of a room, one schedule each. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { nodeCipherSuite } from '../../bus/cipher-suites.js';
import { TIMING } from '../options.js';
import { OpenWire } from '../testing/open-wire.js';
import { roomNamed, VirtualLan, type Host } from '../testing/virtual-lan.js';
import { FRAME_RECORD_BROADCAST } from '../wire/frames.js';

const LINGER_MS = 50;
const hall = roomNamed('hall');

let lan: VirtualLan;
let sender: Host;
let others: Host[];

/** A sender and six others, who know each other. Buffers are small, so that they fill within seconds. */
beforeEach(() => {
  lan = new VirtualLan(nodeCipherSuite);
  const options = {
    timing: { lingerMs: LINGER_MS },
    limits: { broadcastRingBytes: 512 << 10, broadcastWindowRecords: 64 },
  };
  [sender, ...others] = Array.from({ length: 7 }, (_, index) => lan.add(`n${index}`, options)) as [Host];
  lan.run(3_000);
});

let token = 0;
const join = (host: Host, address = hall): number => {
  host.node.join(lan.now, address, (token += 1));
  return token;
};
/** With its number in front, and so large that each message is a record. */
const publish = (number: number, receipt = 0): string =>
  sender.node.sendToRoom(
    lan.now,
    { room: 'hall', from: null, data: Buffer.alloc(1_000, `${number} `) },
    receipt,
  );
const received = (host: Host): number[] =>
  lan.of(host, 'room-message').map(({ data }) => Number.parseInt(data.toString(), 10));
const reachable = (host: Host): number[] => lan.of(host, 'reachable').map((event) => event.token);
const inOrder = (numbers: readonly number[]): number[] =>
  [...new Set(numbers)].sort((one, other) => one - other);

describe('a laggard that has not acked what it got of a room by broadcast', () => {
  it('gets nothing twice, is told what it missed, and delays the others for some two seconds at most', () => {
    const wire = new OpenWire(lan, nodeCipherSuite);
    const [laggard, ...well] = others as [Host, ...Host[]];
    for (const host of others) join(host);
    lan.run(20);
    // no broadcast record comes to it, nor any repair of one; all else does
    lan.loses = (transmit, to) => to === laggard && wire.carries(transmit, FRAME_RECORD_BROADCAST);
    const accepted: number[] = [];
    let number = 0;
    const publishNext = (): boolean => {
      number += 1;
      const isAccepted = publish(number, 1_000_000 + number) === 'queued';
      if (isAccepted) accepted.push(number);
      lan.run(10);
      return isAccepted;
    };
    const publishAll = (count: number): void => {
      for (let published = 0; published < count; published += 1) expect(publishNext()).toBe(true);
    };
    publishAll(5);
    expect(sender.node.statistics().roomBroadcasts).toBe(5);
    // what else is broadcast shuts the window; the room waits no longer than the stream keeps records for a laggard
    for (let count = 0; count <= 64; count += 1) sender.node.publish(lan.now, 'news', Buffer.alloc(1_000));
    const shutAt = lan.now;
    lan.run(10);
    expect(publishNext()).toBe(false);
    while (!publishNext());
    expect(lan.now - shutAt).toBeLessThan(TIMING.laggardAfterMs + 100);
    // by unicast from now on, but for the laggard, if it is still tied
    for (const host of well.slice(2)) host.node.leave(lan.now, hall, 0);
    lan.run(LINGER_MS + 20);
    publishAll(5);
    lan.loses = () => false;
    publishAll(5);
    lan.run(TIMING.gapAfterMs);
    publishAll(1);
    lan.run(100);

    for (const host of well.slice(0, 2)) expect(received(host)).toEqual(accepted);
    const got = received(laggard);
    expect(got).toEqual(inOrder(got));
    expect(got.at(-1)).toBe(number);
    const has = new Set(got);
    const receipts = lan.of(sender, 'receipt');
    expect(receipts).toHaveLength(accepted.length);
    const wrong = receipts.filter((receipt) => receipt.complete && !has.has(receipt.token - 1_000_000));
    expect(wrong).toEqual([]);
    expect(receipts.at(-1)).toMatchObject({ delivered: 3, complete: true });
    expect(got.length).toBeLessThan(accepted.length);
    expect(lan.of(laggard, 'gap')).toContainEqual(
      expect.objectContaining({ kind: 'gap', peer: sender.node.nodeId }),
    );
  });
});

describe('a member that comes back about when the linger ends', () => {
  const announcements = (): number => {
    const wire = new OpenWire(lan, nodeCipherSuite);
    return lan.recorded.filter(
      ({ from, transmit }) => from === others[0]?.endpoint && wire.carries(transmit, FRAME_RECORD_BROADCAST),
    ).length;
  };

  it.each([
    ['by unicast', 'in the turn of the leave', 1, -LINGER_MS, 0],
    ['by unicast', 'a tick before', 1, -1, 0],
    ['by unicast', 'a tick after', 1, 1, 2],
    ['by broadcast', 'in the turn of the leave', 6, -LINGER_MS, 0],
    ['by broadcast', 'a tick before', 6, -1, 0],
    ['by broadcast', 'a tick after', 6, 1, 2],
  ])('gets everything from its ack on, once, %s, %s', (_way, _when, members, afterMs, announced) => {
    const [nomad, ...rest] = others as [Host, ...Host[]];
    for (const host of others.slice(0, members)) join(host);
    lan.run(20);
    lan.recorded.length = 0;
    let number = 0;
    /** Four publications a millisecond. */
    const publishFor = (ms: number): void => {
      for (let quarter = 0; quarter < 4 * ms; quarter += 1) {
        const result = publish(number);
        // while nobody is known to hold the room there is nowhere to send it
        if (result === 'queued' || result === 'none') number += 1;
        lan.run(0.25);
      }
    };
    nomad.node.leave(lan.now, hall, 0);
    publishFor(LINGER_MS + afterMs);
    const joined = join(nomad);
    let first = -1;
    for (let ms = 0; ms < 20; ms += 1) {
      if (first < 0 && reachable(nomad).includes(joined)) first = number;
      publishFor(1);
    }
    lan.run(500);
    expect(first).toBeGreaterThanOrEqual(0);
    const got = received(nomad);
    expect(got).toEqual(inOrder(got));
    const wanted = Array.from({ length: number - first }, (_, index) => first + index);
    expect(got.filter((one) => one >= first)).toEqual(wanted);
    for (const host of rest.slice(0, members - 1)) {
      expect(received(host)).toEqual(Array.from({ length: number }, (_, index) => index));
    }
    expect(announcements()).toBe(announced);
  });
});

describe('many joins at once, of which some are left before they are acked', () => {
  it('are acked each once, but for those that were left, which nobody holds when they have lingered', () => {
    const [host] = others as [Host];
    const wire = new OpenWire(lan, nodeCipherSuite);
    // the announcements are lost at first, and repaired
    let isFirst = true;
    lan.loses = (transmit, _to, from) => {
      return isFirst && from === host && wire.carries(transmit, FRAME_RECORD_BROADCAST);
    };
    const rooms = Array.from({ length: 300 }, (_, index) => roomNamed(`room ${index}`));
    const tokens = rooms.map((room) => join(host, room));
    const leave = (index: number): void =>
      host.node.leave(lan.now, rooms[index] as never, tokens[index] as number);
    // some in the same turn, some while the others wait for the acks
    for (let index = 0; index < 300; index += 3) leave(index);
    lan.run(1);
    isFirst = false;
    for (let index = 1; index < 300; index += 3) leave(index);
    expect(reachable(host)).toEqual([]);
    lan.run(TIMING.barrierMs);
    const kept = tokens.filter((_, index) => index % 3 === 2);
    expect(inOrder(reachable(host))).toEqual(kept);
    expect(reachable(host)).toHaveLength(kept.length);
    expect(lan.of(host, 'reachable').every(({ complete }) => complete)).toBe(true);
    lan.run(LINGER_MS + 20);
    const held = rooms.filter((room) => sender.node.holders(lan.now, room).peers.length > 0);
    expect(held).toEqual(rooms.filter((_, index) => index % 3 === 2));
  });
});
