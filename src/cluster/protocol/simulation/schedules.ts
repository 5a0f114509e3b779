/**
 * Directed schedules: sequences of events that seeds hardly ever produce, each for one rule of the protocol. Each is a
 * function that throws a `Violation`, so that a mutation can name the schedule that notices it.
 */
import { TIMING } from '../options.js';
import { HEADER_BYTES } from '../wire/datagram.js';
import { FRAME_HELLO, FRAME_RECORD_BROADCAST, FRAME_REPORT, FRAME_WELCOME } from '../wire/frames.js';
import { roomCalled } from './addresses.js';
import { calmWorld } from './calm-world.js';
import type { Host } from './host.js';
import type { TakesAway } from './network.js';
import * as presence from './presence-schedules.js';
import { Violation } from './violation.js';
import type { World } from './world.js';

/** The peers are judged at least this often, with room for the jitter of reports. */
const JUDGED_WITHIN_MS = 1_500;
/** Much longer than the publisher needs to drop the suspended node. */
const SUSPENDED_MS = 8 * TIMING.deadAfterMs;
/** More than the sender keeps for the peer later. */
const RECORDS_BEFORE = 5;

/**
 * R6: a report is held back on the network, and arrives only after its sender has died. Newer reports have arrived
 * before it. So it must not count as a sign of life.
 */
function overtakenReport(): void {
  const world = calmWorld(2);
  const [listener, sender] = world.hosts;
  if (listener === undefined || sender === undefined) throw new RangeError('two hosts were started');
  const source = sender.running?.process.endpoint ?? '';
  const report = holdBackReport(world, sender.index);
  world.runFor(3 * TIMING.reportIdleMs);
  world.crash(sender);
  world.runFor(TIMING.deadAfterMs - 2 * TIMING.reportIdleMs);
  listener.deliver('shared', report, source);
  world.runFor(2 * TIMING.reportIdleMs + JUDGED_WITHIN_MS);
  if (listener.running?.process.node.peers().length !== 0) {
    throw new Violation('liveness', 'a report that was overtaken keeps its dead sender alive');
  }
}

/**
 * A node holds a room, and its HELLOs to one peer are lost: it has no session with that peer, which knows that it holds the
 * room. What the peer publishes must be kept for it. In the broadcast stream it would lie before the base of the session
 * that comes.
 */
function holderWithoutSession(): void {
  const world = calmWorld(5);
  const [publisher, ...holders] = world.hosts;
  const late = holders.at(-1);
  if (publisher === undefined || late === undefined) throw new RangeError('five hosts were started');
  world.crash(late);
  world.runFor(2 * TIMING.deadAfterMs);
  world.network.intercept((from, { bytes, to }) => {
    const isToPublisher = to === publisher.running?.process.endpoint;
    return from.index === late.index && isToPublisher && bytes[HEADER_BYTES] === FRAME_HELLO;
  });
  world.boot(late);
  world.runFor(300);
  for (const { running } of holders) {
    running?.process.enqueue((_node, now) => running.application.join(now, roomCalled('hall')));
  }
  world.runFor(300);
  let id = -1;
  const { running } = publisher;
  running?.process.enqueue((_node, now) => {
    id = running.application.send(now, roomCalled('hall'), null, 40, false);
  });
  world.runFor(100);
  world.network.intercept(() => false);
  world.runFor(2 * TIMING.reportIdleMs);
  const reached = world.promises.reachedBy(id);
  for (const holder of holders) {
    if (!reached.has(holder.running?.boot.index ?? -1)) {
      throw new Violation('no silent miss', 'a holder without a session missed a message to its room');
    }
  }
}

/**
 * R3: a node drops a peer that it does not hear, and meets it again, while the peer has heard it all the time. What it keeps
 * for the peer until the session opens must arrive. The peer's HELLO says how much it got in a session that is over.
 */
function helloOfAForgottenSession(): void {
  const world = calmWorld(2);
  const [sender, receiver] = world.hosts;
  if (sender === undefined || receiver === undefined) throw new RangeError('two hosts were started');
  receiver.running?.process.enqueue((_node, now) => receiver.running?.application.join(now, 'bob'));
  world.runFor(300);
  const send = (): number => {
    let id = -1;
    sender.running?.process.enqueue((_node, now) => {
      id = sender.running?.application.send(now, 'bob', null, 40, false) ?? -1;
    });
    world.runFor(20);
    return id;
  };
  for (let count = 0; count < RECORDS_BEFORE; count += 1) send();
  world.network.intercept((from) => from.index === receiver.index);
  world.runFor(2 * TIMING.deadAfterMs);
  world.network.intercept(
    (from, { bytes, to }) =>
      from.index === receiver.index && to !== null && bytes[HEADER_BYTES] === FRAME_HELLO,
  );
  world.runFor(JUDGED_WITHIN_MS);
  const id = send();
  world.network.intercept(() => false);
  world.runFor(2 * TIMING.reportIdleMs);
  if (!world.promises.reachedBy(id).has(receiver.running?.boot.index ?? -1)) {
    throw new Violation(
      'no silent miss',
      'a message was taken for one that an earlier session has delivered',
    );
  }
}

/**
 * R4: the WELCOMEs to a node are lost for so long that the other does not wait for its acks any more. A user connects there,
 * and the announcement is lost too. When a WELCOME comes at last, its base is older than the user: neither the snapshot nor
 * anything else says that the user is there, until the next report. What is sent before must arrive.
 */
function lateWelcome(): void {
  const world = calmWorld(2);
  const [sender, holder] = world.hosts;
  if (sender === undefined || holder === undefined) throw new RangeError('two hosts were started');
  world.crash(sender);
  world.runFor(2 * TIMING.deadAfterMs);
  const lost = new Set([FRAME_WELCOME, FRAME_RECORD_BROADCAST, FRAME_REPORT]);
  world.network.intercept(
    (from, { bytes }) => from.index === holder.index && lost.has(bytes[HEADER_BYTES] as number),
  );
  world.boot(sender);
  world.runFor(TIMING.barrierMs);
  holder.running?.process.enqueue((_node, now) => holder.running?.application.join(now, 'ann'));
  world.runFor(3 * TIMING.barrierMs);
  holder.running?.process.enqueue((_node, now) => holder.running?.application.join(now, 'bob'));
  world.runFor(100);
  lost.delete(FRAME_WELCOME);
  while (!isAdmitted(sender)) world.runFor(1);
  world.runFor(20);
  let id = -1;
  sender.running?.process.enqueue((_node, now) => {
    id = sender.running?.application.send(now, 'bob', null, 40, true) ?? -1;
  });
  world.runFor(100);
  lost.clear();
  world.runFor(2 * TIMING.reportIdleMs);
  if (!world.promises.reachedBy(id).has(holder.running?.boot.index ?? -1)) {
    throw new Violation('no silent miss', 'a user was missed who connected before a late session began');
  }
}

function isAdmitted({ running }: Host): boolean {
  return running?.process.node.peers().some(({ complete, state }) => complete || state === 'up') ?? false;
}

/**
 * RR6: a node drops a holder of a room that has only slept, and publishes before the holder can know it. The holder is not
 * asked for a receipt. So when it wakes, it must not deliver what waits in its socket.
 */
function sleepingHolderDropped(): void {
  const hall = fullHall();
  const { world, holder } = hall;
  world.network.intercept(newsOfDrop(hall));
  world.pause(holder, 2 * TIMING.deadAfterMs, false);
  while (isKnown(hall)) world.runFor(1);
  publishIn(hall);
  world.runFor(2 * TIMING.deadAfterMs);
}

/**
 * RR6: a node drops a holder of a room, and meets it anew, while the holder is still in their former session. What is
 * kept for the holder until the next session opens must not come to it by broadcast as well.
 */
function holderMetAnew(): void {
  const hall = fullHall();
  const { world, holder } = hall;
  const tellsOfDrop = newsOfDrop(hall);
  let isCutOff = true;
  world.network.intercept((from, transmit) => {
    return (isCutOff && from.index === holder.index) || tellsOfDrop(from, transmit);
  });
  while (isKnown(hall)) world.runFor(1);
  isCutOff = false;
  while (!isKnown(hall)) world.runFor(1);
  const id = publishIn(hall);
  world.network.intercept(() => false);
  world.runFor(2 * TIMING.deadAfterMs);
  if (!world.promises.reachedBy(id).has(holder.running?.boot.index ?? -1)) {
    throw new Violation('no silent miss', 'a holder that was met anew missed a message to its room');
  }
}

/**
 * RR6: the machine of a holder is suspended for longer than its former session is named, and its clock stands still. Nothing
 * is broadcast meanwhile. Then it is met anew while it is still in that session. The message must come to it once.
 */
function suspendedHolderMetAnew(): void {
  const hall = fullHall();
  const { world, holder } = hall;
  const { network } = world;
  for (const { index } of world.hosts) if (index !== holder.index) network.block(index, holder.index, true);
  world.pause(holder, SUSPENDED_MS, true);
  world.runFor(SUSPENDED_MS - 1);
  if (isKnown(hall)) throw new RangeError('the publisher drops it meanwhile');
  network.mend();
  network.intercept(newsOfDrop(hall, true));
  while (!isKnown(hall)) world.runFor(1);
  const id = publishIn(hall);
  network.intercept(() => false);
  world.runFor(2 * TIMING.deadAfterMs);
  if (!world.promises.reachedBy(id).has(holder.running?.boot.index ?? -1)) {
    throw new Violation('no silent miss', 'a holder that was met anew missed a message to its room');
  }
}

interface Hall {
  readonly world: World;
  readonly publisher: Host;
  /** One of those with a member. */
  readonly holder: Host;
}

/** Six hosts. All but the publisher have a member in the room "hall". */
function fullHall(): Hall {
  const world = calmWorld(6);
  const [publisher, ...holders] = world.hosts;
  const holder = holders.at(-1);
  if (publisher === undefined || holder === undefined) throw new RangeError('six hosts were started');
  for (const { running } of holders) {
    running?.process.enqueue((_node, now) => running.application.join(now, roomCalled('hall')));
  }
  world.runFor(300);
  return { world, publisher, holder };
}

/** Whether the publisher counts the holder. */
function isKnown({ publisher, holder }: Hall): boolean {
  const id = holder.running?.process.node.nodeId;
  return publisher.running?.process.node.peers().some(({ nodeId }) => nodeId === id) ?? false;
}

/** The reports of the publisher by which the holder would find out that it was dropped. */
function newsOfDrop(hall: Hall, wasDroppedBefore = false): TakesAway {
  let wasDropped = wasDroppedBefore;
  return (from, { bytes, to }) => {
    wasDropped ||= !isKnown(hall);
    const isReport = to === null && bytes[HEADER_BYTES] === FRAME_REPORT;
    return wasDropped && isReport && from.index === hall.publisher.index;
  };
}

function publishIn({ world, publisher: { running } }: Hall): number {
  let id = -1;
  running?.process.enqueue((_node, now) => {
    id = running.application.send(now, roomCalled('hall'), null, 40, true);
  });
  world.runFor(100);
  return id;
}

/** Loses the next report of a host, and returns it. In an idle cluster of two nothing else is broadcast. */
function holdBackReport(world: World, host: number): Buffer {
  let report: Buffer | undefined;
  world.network.intercept((from, { bytes, to }) => {
    if (report !== undefined || from.index !== host || to !== null) return false;
    report = bytes;
    return true;
  });
  while (report === undefined) world.runFor(TIMING.reportIdleMs);
  return report;
}

export const SCHEDULES = {
  helloOfAForgottenSession,
  holderMetAnew,
  holderWithoutSession,
  lateWelcome,
  overtakenReport,
  sleepingHolderDropped,
  suspendedHolderMetAnew,
  ...presence,
};
export type ScheduleName = keyof typeof SCHEDULES;
