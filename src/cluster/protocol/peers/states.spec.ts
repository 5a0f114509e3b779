/** For every class of a peer with named states: where each event leads from each state. */
import { describe, expect, it } from '@jest/globals';
import { Directory } from '../directory/directory.js';
import { Replica } from '../directory/replica.js';
import { Watches } from '../directory/watches.js';
import { LIMITS, TIMING } from '../options.js';
import { Backlog } from '../streams/backlog.js';
import { VolatileQueue } from '../streams/volatile-queue.js';
import { checkStates } from '../testing/state-table.js';
import { BarrierStanding } from './barrier-standing.js';
import { IncomingSession } from './incoming-session.js';
import { MutualStanding } from './mutual-standing.js';
import { OutgoingSession } from './outgoing-session.js';
import { PathSize } from './path-size.js';
import { PeerTimers } from './peer-timers.js';
import { Peer, type PeerKeys } from './peer.js';
import { WindowStanding } from './window-standing.js';

function makeIncoming(timers: PeerTimers): IncomingSession {
  const directory = new Directory();
  const replica = new Replica(directory, new Watches(directory, timers.hello, () => undefined));
  return new IncomingSession(TIMING, LIMITS.removalsMax, () => 0.5, timers, replica);
}

function makeOutgoing(timers: PeerTimers): OutgoingSession {
  const path = new PathSize([1_200], TIMING, timers.probe);
  return new OutgoingSession(1_000, LIMITS.windowRecordsMin, TIMING, timers, path, new VolatileQueue(1_000));
}

describe('Peer', () => {
  const noKeys = {} as unknown as PeerKeys;
  checkStates(
    {
      make: () => {
        const timers = new PeerTimers();
        const sessions = [makeIncoming(timers), makeOutgoing(timers)] as const;
        return new Peer(Buffer.alloc(12), 1, noKeys, timers, ...sessions, '10.0.0.1:1', 0);
      },
      stateOf: ({ life }) => life,
      events: [
        (peer) => peer.hear(1, '10.0.0.1:1', true),
        (peer) => void peer.refuse(),
        (peer) => peer.prove(1),
        (peer) => peer.noteReport(1, 1, 1, 2),
        (peer) => peer.fallSilent(),
        (peer) => peer.drop(),
      ],
      paths: { named: [], heard: [0], refused: [0, 1], proven: [0, 2], silent: [0, 2, 4], gone: [0, 5] },
    },
    //          hear     refuse   prove   report   fallSilent  drop
    `named   |  heard    -        -       -        -           gone
     heard   |  heard    refused  proven  heard    -           gone
     refused |  refused  refused  proven  refused  -           gone
     proven  |  proven   proven   -       proven   silent      gone
     silent  |  silent   silent   -       proven   silent      gone
     gone    |  -        -        -       -        -           -`,
  );
});

describe('IncomingSession', () => {
  checkStates(
    {
      make: () => makeIncoming(new PeerTimers()),
      stateOf: ({ state }) => state,
      events: [
        (session) => session.ask(1, 0),
        (session) => session.sendHello(0, 1),
        (session) => void session.admit(0, 7, 0, 0),
        (session) => session.complete(),
      ],
      paths: { new: [], asking: [0], loading: [0, 2], complete: [0, 2, 3] },
    },
    //           ask     sendHello  admit    complete
    `new      |  asking  -          -        -
     asking   |  asking  asking     loading  -
     loading  |  asking  -          -        complete
     complete |  asking  -          -        -`,
  );
});

describe('OutgoingSession', () => {
  const welcome = { nonce: 1, session: 1, base: 0, report: 0, packetNumber: 0 };
  checkStates(
    {
      make: () => makeOutgoing(new PeerTimers()),
      stateOf: ({ state }) => state,
      events: [
        (session) => session.open(welcome, [7][Symbol.iterator]()),
        (session) => {
          while (session.takeOfSnapshot() !== undefined);
        },
      ],
      paths: { closed: [], loading: [0], complete: [0, 1] },
    },
    //           open     end of the snapshot
    `closed   |  loading  -
     loading  |  loading  complete
     complete |  loading  -`,
  );
});

describe('WindowStanding', () => {
  checkStates(
    {
      make: () => new WindowStanding(TIMING),
      stateOf: ({ state }) => state,
      events: [
        (standing) => standing.open(),
        (standing) => standing.block(0),
        (standing) => standing.release(),
        (standing) => standing.giveUp(),
        (standing) => standing.catchUp(),
      ],
      paths: { 'in-step': [], blocking: [1], laggard: [1, 3] },
    },
    //           open     block     release  giveUp   catchUp
    `in-step  |  in-step  blocking  in-step  -        -
     blocking |  in-step  -         in-step  laggard  -
     laggard  |  in-step  -         -        -        in-step`,
  );
});

describe('BarrierStanding', () => {
  let now = 0;
  checkStates(
    {
      make: () => {
        now = 0;
        return new BarrierStanding();
      },
      stateOf: ({ state }) => state,
      events: [
        (standing) => standing.open(),
        (standing) => void standing.markLate(now, 10, TIMING.barrierMs),
        (standing) => void standing.ack((now += 1), standing.acked + 1),
        (standing) => void standing.ack((now += 1), 10),
        (standing) => void standing.giveUpAfter((now += TIMING.barrierMs), TIMING.barrierMs),
      ],
      paths: { current: [], late: [1], absent: [1, 4] },
    },
    //           open     markLate  ack of one  ack of all  giveUpAfter
    `current  |  current  late      current     current     -
     late     |  late     late      late        current     absent
     absent   |  late     absent    late        current     absent`,
  );

  it('tells that a peer is late at once, and while it stays late no more often than asked', () => {
    const standing = new BarrierStanding();
    expect(standing.markLate(0, 10, 150)).toBe(true);
    expect(standing.markLate(100, 11, 150)).toBe(false);
    expect(standing.markLate(150, 12, 150)).toBe(true);
    standing.ack(160, 12);
    expect(standing.markLate(170, 13, 150)).toBe(true);
  });

  it('acks only grow', () => {
    const standing = new BarrierStanding();
    expect([standing.ack(0, 5), standing.ack(0, 5), standing.ack(0, 4)]).toEqual([true, false, false]);
    expect(standing.acked).toBe(5);
  });
});

describe('MutualStanding', () => {
  checkStates(
    {
      make: () => new MutualStanding(),
      stateOf: ({ state }) => state,
      events: [
        (standing) => standing.agree(),
        (standing) => void standing.differ(),
        (standing) => void standing.tell(),
        (standing) => standing.tellAgain(),
      ],
      paths: { pending: [], mutual: [0], told: [2] },
    },
    //          agree   differ   tell  tellAgain
    `pending |  mutual  pending  told  pending
     mutual  |  mutual  told     -     -
     told    |  mutual  told     told  pending`,
  );
});

describe('Backlog', () => {
  checkStates(
    {
      make: () => new Backlog(TIMING, new PeerTimers().stall),
      stateOf: ({ state }) => state,
      events: [(backlog) => backlog.congest(), (backlog) => backlog.relieve()],
      paths: { flowing: [], congested: [0] },
    },
    //            congest    relieve
    `flowing   |  congested  -
     congested |  -          flowing`,
  );

  it('watches for a stall only while it is congested, and from the last progress', () => {
    const { stall } = new PeerTimers();
    const backlog = new Backlog(TIMING, stall);
    backlog.noteSent(10);
    expect(stall.isSet).toBe(false);
    backlog.congest();
    expect(stall.at).toBe(10 + TIMING.stalledAfterMs);
    backlog.noteProgress(30, 1);
    expect(stall.at).toBe(30 + TIMING.stalledAfterMs);
    backlog.noteProgress(40, 0);
    expect(stall.isSet).toBe(false);
    backlog.noteSent(50);
    expect(backlog.isStalled(50 + TIMING.stalledAfterMs)).toBe(true);
    backlog.relieve();
    expect(stall.isSet).toBe(false);
  });
});
