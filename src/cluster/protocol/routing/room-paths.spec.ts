/** Which way messages to rooms take, and that no change of it reorders or repeats anything. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { nodeCipherSuite } from '../../bus/cipher-suites.js';
import { OpenWire } from '../testing/open-wire.js';
import { roomNamed, VirtualLan, type Host } from '../testing/virtual-lan.js';
import { FRAME_RECORD_BROADCAST, FRAME_RECORD_UNICAST } from '../wire/frames.js';

const LINGER_MS = 50;
const hall = roomNamed('hall');

let lan: VirtualLan;
let wire: OpenWire;
let sender: Host;
let others: Host[];

/** A sender and six others. They all know each other. */
function start(mode: 'broadcast' | 'mesh' = 'broadcast', roomMarksMax = 16_384): void {
  lan = new VirtualLan(nodeCipherSuite);
  wire = new OpenWire(lan, nodeCipherSuite);
  const options = {
    mode,
    seeds: mode === 'mesh' ? ['10.77.0.1:4000'] : [],
    timing: { lingerMs: LINGER_MS },
    limits: { roomMarksMax },
  };
  [sender, ...others] = Array.from({ length: 7 }, (_, index) => lan.add(`n${index}`, options)) as [Host];
  lan.run(3_000);
}

let token = 0;
const join = (hosts: readonly Host[], address = hall): void => {
  for (const { node } of hosts) node.join(lan.now, address, (token += 1));
  lan.run(20);
};
const leave = (hosts: readonly Host[]): void => {
  for (const { node } of hosts) node.leave(lan.now, hall, 0);
};
const publish = (data: number | Buffer, room = 'hall', receipt = 0): string =>
  sender.node.sendToRoom(
    lan.now,
    { room, from: null, data: Buffer.isBuffer(data) ? data : Buffer.from(String(data)) },
    receipt,
  );
const received = (host: Host): string[] => lan.of(host, 'room-message').map(({ data }) => data.toString());
const broadcasts = (): number => sender.node.statistics().roomBroadcasts;

/** From now on what the sender broadcasts is lost: it has to be repaired. */
const loseBroadcasts = (): void => {
  lan.loses = (transmit, _to, from) =>
    from === sender && transmit.to === null && wire.carries(transmit, FRAME_RECORD_BROADCAST);
};
const loseUnicasts = (): void => {
  lan.loses = (transmit, _to, from) =>
    from === sender && transmit.to !== null && wire.carries(transmit, FRAME_RECORD_UNICAST);
};
const loseNothing = (): void => {
  lan.loses = () => false;
};

describe('a room with members on most of the nodes', () => {
  beforeEach(() => start());

  it('leaves unicast though it is never quiet: a pause of some milliseconds is enough', () => {
    /** 200 messages a second. */
    const chat = (): void => {
      for (let count = 0; count < 40; count += 1) {
        publish(count);
        lan.run(5);
      }
    };
    // one by one, so that each of them is tied to unicast when the next one comes
    for (const host of others.slice(0, 5)) {
      host.node.join(lan.now, hall, (token += 1));
      chat();
    }
    const before = broadcasts();
    chat();
    expect(broadcasts() - before).toBe(40);
    const numbers = Array.from({ length: 40 }, (_, index) => String(index));
    for (const host of others.slice(0, 5)) expect(received(host).slice(-40)).toEqual(numbers);
  });

  it('is published to by one broadcast, which the others ignore, with receipts of those that have members', () => {
    const members = others.slice(0, 5);
    join(members);
    lan.recorded.length = 0;
    expect(publish(1, 'hall', 7)).toBe('queued');
    lan.run(50);
    expect(others.map(received)).toEqual([['1'], ['1'], ['1'], ['1'], ['1'], []]);
    expect(lan.of(sender, 'receipt').at(-1)).toEqual({
      type: 'receipt',
      token: 7,
      delivered: 5,
      complete: true,
    });
    const sent = lan.recorded.filter(({ from, transmit }) => {
      const isRecord = wire.carries(transmit, FRAME_RECORD_BROADCAST);
      return from === sender.endpoint && (isRecord || wire.carries(transmit, FRAME_RECORD_UNICAST));
    });
    expect(sent.map(({ transmit }) => transmit.to)).toEqual([null]);
    expect(broadcasts()).toBe(1);
  });

  it('gets a message that no record has room for by broadcast too, and a very large one by unicast', () => {
    join(others);
    const [large, huge] = [Buffer.alloc(5_000, 'x'), Buffer.alloc(70_000, 'y')];
    publish(large);
    lan.run(100);
    expect(broadcasts()).toBe(1);
    publish(huge);
    lan.run(1_000);
    expect(broadcasts()).toBe(1);
    for (const host of others) expect(received(host)).toEqual([large.toString(), huge.toString()]);
  });

  it('is published to by unicast in a mesh, and where few nodes have members', () => {
    join(others.slice(0, 3));
    publish(1);
    expect(broadcasts()).toBe(0);
    start('mesh');
    join(others);
    publish(2);
    lan.run(50);
    expect(broadcasts()).toBe(0);
    for (const host of others) expect(received(host)).toEqual(['2']);
  });
});

describe('the way of a room changes', () => {
  beforeEach(() => start());

  it('from broadcast to unicast when all is applied, and not before', () => {
    join(others);
    loseBroadcasts();
    publish(1);
    lan.run(1);
    leave(others.slice(3));
    lan.run(LINGER_MS + 2);
    publish(2);
    publish(3);
    loseNothing();
    lan.run(500);
    for (const host of others.slice(0, 3)) expect(received(host)).toEqual(['1', '2', '3']);
    const before = broadcasts();
    publish(4);
    lan.run(50);
    expect(broadcasts()).toBe(before);
    for (const host of others.slice(0, 3)) expect(received(host)).toEqual(['1', '2', '3', '4']);
  });

  it('from unicast to broadcast when all is applied, and not before', () => {
    join(others.slice(0, 3));
    loseUnicasts();
    publish(1);
    lan.run(1);
    join(others.slice(3));
    publish(2);
    expect(broadcasts()).toBe(0);
    loseNothing();
    lan.run(500);
    publish(3);
    lan.run(100);
    expect(broadcasts()).toBe(1);
    for (const host of others.slice(0, 3)) expect(received(host)).toEqual(['1', '2', '3']);
    for (const host of others.slice(3)) expect(received(host)).toEqual(['2', '3']);
  });

  it('for some nodes alone: each gets every message once, in order', () => {
    join(others);
    const [late] = others as [Host];
    lan.loses = (transmit, to, from) =>
      from === sender && to === late && wire.carries(transmit, FRAME_RECORD_BROADCAST);
    publish(1);
    lan.run(30);
    leave(others.slice(3));
    lan.run(LINGER_MS + 20);
    // the others have applied it, and get this by unicast
    publish(2);
    loseNothing();
    lan.run(500);
    for (const host of others.slice(0, 3)) expect(received(host)).toEqual(['1', '2']);
  });

  it('within one turn, in one open record', () => {
    join(others.slice(0, 4));
    publish(1);
    publish(2, 'nowhere');
    join(others.slice(4));
    publish(3);
    leave(others.slice(2));
    publish(4);
    lan.run(500);
    for (const host of others.slice(0, 2)) expect(received(host)).toEqual(['1', '3', '4']);
  });

  it('behind a message in fragments', () => {
    join(others);
    loseBroadcasts();
    const large = Buffer.alloc(4_000, 'x');
    publish(large);
    lan.run(1);
    leave(others.slice(2));
    lan.run(LINGER_MS + 2);
    publish(2);
    loseNothing();
    lan.run(1_000);
    for (const host of others.slice(0, 2)) expect(received(host)).toEqual([large.toString(), '2']);
  });

  it('not while what was kept for a peer is carried into another session', () => {
    join(others);
    const [away, ...rest] = others as [Host, ...Host[]];
    // nothing comes to it, until it has forgotten the sender; the sender goes on hearing it
    lan.loses = (_transmit, to, from) => to === away && from === sender;
    lan.run(600);
    publish(1);
    publish(2);
    lan.run(1);
    loseNothing();
    lan.run(2_000);
    publish(3);
    lan.run(500);
    for (const host of rest) expect(received(host)).toEqual(['1', '2', '3']);
    expect(received(away).at(-1)).toBe('3');
    expect([...received(away)].sort()).toEqual(received(away));
  });
});

describe('rooms beyond those that are told apart', () => {
  it('keep their order, each on one way', () => {
    start('broadcast', 1);
    const small = roomNamed('small');
    join(others);
    join(others.slice(0, 2), small);
    loseBroadcasts();
    let taken = 0;
    for (let round = 0; round < 20; round += 1) {
      for (const room of ['hall', 'small', 'nowhere']) if (publish(round, room) === 'queued') taken += 1;
      lan.run(1);
    }
    loseNothing();
    lan.run(2_000);
    expect(taken).toBeGreaterThan(20);
    for (const host of others) {
      for (const room of ['hall', 'small']) {
        const came = lan.of(host, 'room-message').filter((message) => message.room === room);
        const numbers = came.map(({ data }) => Number(data.toString()));
        expect(numbers).toEqual([...new Set(numbers)].sort((one, other) => one - other));
      }
    }
  });
});

describe('what has no room in the broadcast stream', () => {
  it('is refused where a room is tied to it, and senders are told to wait, until there is room again', () => {
    start();
    join(others);
    let taken = 0;
    while (publish(Buffer.alloc(1_000, 'x')) === 'queued') taken += 1;
    expect(publish(1)).toBe('congested');
    expect(sender.node.isCongested).toBe(true);
    lan.run(500);
    expect(lan.of(sender, 'congestion').map(({ congested }) => congested)).toEqual([true, false]);
    expect(publish(2)).toBe('queued');
    lan.run(100);
    for (const host of others) expect(received(host)).toHaveLength(taken + 1);
  });
});
