/**
 * One node of the cluster, sans-IO: joins the parts, hands each frame to the part that owns it, and keeps the timers.
 *
 * Theory of operation. Every node broadcasts in one numbered stream which users it gains and loses (directory), and
 * sends messages to users in one numbered stream per peer. Reports say who lives and how each stands
 * with each. HELLO and WELCOME begin a session in one direction; what can't be repaired begins a new one. Nothing is
 * ever missed silently: an event at this node or at the other names the peer (docs/cluster-correctness.md).
 *
 * Call order of a turn: any inputs (`handle*`, commands), then `flush`, then poll transmits, events and the timeout.
 */
import type {
  Address,
  Arrival,
  Endpoint,
  Holders,
  NodeId,
  OutgoingMessage,
  OutgoingRoomMessage,
  PeerSnapshot,
  ProtocolEvent,
  ProtocolNode,
  ProtocolStatistics,
  SendResult,
  Transmit,
} from './contract.js';
import { Departure } from './departure.js';
import { MalformedDatagramError } from './errors.js';
import { Admission } from './membership/admission.js';
import { Discovery } from './membership/discovery.js';
import { Handshake } from './membership/handshake.js';
import { Membership } from './membership/membership.js';
import { Reports } from './membership/reports.js';
import { View } from './membership/view.js';
import { makeParts, type NodeParts } from './node-parts.js';
import type { ClusterNodeOptions } from './options.js';
import { PeerTimeouts } from './peer-timeouts.js';
import type { Peer } from './peers/peer.js';
import { Delivery } from './routing/delivery.js';
import { Interest } from './routing/interest.js';
import { Reachability } from './routing/reachability.js';
import { Routing } from './routing/routing.js';
import { Acks } from './transmission/acks.js';
import { Transmission } from './transmission/transmission.js';
import { ByteReader } from './wire/byte-reader.js';
import { FRAME_HEADER_BYTES } from './wire/byte-writer.js';
import {
  BROADCAST_RECORD_HEADER_BYTES,
  FRAME_GOSSIP,
  FRAME_HELLO,
  FRAME_KNOCK,
  FRAME_LEAVE,
  FRAME_NACK,
  FRAME_PING,
  FRAME_POLL,
  FRAME_PONG,
  FRAME_RECORD_BROADCAST,
  FRAME_RECORD_UNICAST,
  FRAME_REPORT,
  FRAME_STATUS,
  FRAME_WELCOME,
  UNICAST_RECORD_HEADER_BYTES,
} from './wire/frames.js';

const PING_WANTS_REPORT = 1;
/** A little rarer than idle reports of a small cluster, so that their jitter never makes it a wake-up of its own. */
const JUDGED_PER_IDLE_REPORT = 1.25;
/** A timeout that comes this late lets the sockets be read once before deadlines are judged, at most once a second. */
const DOZE_MS = 20;
const DOZE_AGAIN_MS = 1_000;

export class ClusterNode implements ProtocolNode {
  readonly nodeId: NodeId;
  readonly #parts: NodeParts;
  readonly #acks: Acks;
  readonly #admission: Admission;
  readonly #delivery: Delivery;
  readonly #departure: Departure;
  readonly #discovery: Discovery;
  readonly #handshake: Handshake;
  readonly #interest: Interest;
  readonly #membership: Membership;
  readonly #peerTimeouts: PeerTimeouts;
  readonly #reachability: Reachability;
  readonly #reports: Reports;
  readonly #routing: Routing;
  readonly #transmission: Transmission;
  readonly #view: View;

  #reportedAt: number;
  /** When we last asked to be called. A call much later means that we slept. */
  #dueAt = Infinity;
  #wokeAt = -Infinity;
  /**
   * Before this time no peer is judged for missing datagrams: they may wait in the sockets, which are read after
   * timers.
   */
  #judgeAt = -Infinity;

  constructor(options: ClusterNodeOptions) {
    const parts = makeParts(options);
    const acked = (now: number, peer: Peer): void => this.#handleAcked(now, peer);
    this.#parts = parts;
    this.nodeId = options.bootId.toString('hex');
    this.#acks = new Acks(parts, {
      acked,
      broadcastGap: (now, peer, keptFrom) => this.#reports.handleBroadcastGap(now, peer, keptFrom),
    });
    this.#admission = new Admission(parts, {
      listensForItself: (now, arrival, source) => this.#discovery.listensForItself(now, arrival, source),
      heardOurselves: (now, arrival, source) => this.#discovery.heardOurselves(now, arrival, source),
      met: (now, peer) => this.#handshake.start(now, peer),
    });
    this.#handshake = new Handshake(parts, this.#acks, (now, peer) => this.#handleProven(now, peer));
    this.#reports = new Reports(parts, this.#acks, this.#admission.ownTag, {
      acked,
      rejoin: (now, peer, missing, reason) => this.#handshake.rejoin(now, peer, missing, reason),
    });
    this.#membership = new Membership(parts, this.#reports, (now, peer) =>
      this.#ping(now, peer, PING_WANTS_REPORT),
    );
    this.#discovery = new Discovery(parts, this.#admission, this.#handshake);
    this.#delivery = new Delivery(parts);
    this.#transmission = new Transmission(parts, this.#acks);
    this.#view = new View(parts, this.#discovery);
    this.#routing = new Routing(parts, this.#view);
    this.#interest = new Interest(parts, this.#routing);
    this.#reachability = new Reachability(parts, (now) => this.#view.knowsAll(now));
    this.#departure = new Departure(parts, this.#routing);
    this.#peerTimeouts = new PeerTimeouts(parts, this.#acks, this.#handshake, this.#routing, (now, peer) =>
      this.#ping(now, peer, 0),
    );
    this.#reportedAt = options.startedAt;
    parts.timers.report.set(options.startedAt);
  }

  handleDatagram(now: number, arrival: Arrival, bytes: Buffer, source: Endpoint): void {
    this.#noticeSleep(now);
    if (this.#departure.isOver) return;
    this.#parts.journal.counters.datagramsReceived += 1;
    try {
      const admitted = this.#admission.admit(now, arrival, bytes, source);
      if (admitted !== null) this.#handleFrames(now, admitted.peer, admitted.plain, admitted.isForPair);
    } catch (error) {
      if (!(error instanceof MalformedDatagramError)) throw error;
      this.#parts.journal.reject('malformed');
    }
  }

  handleTimeout(now: number): void {
    this.#noticeSleep(now);
    this.#dueAt = Infinity;
    if (this.#departure.isOver) return;
    const { receipts, inquiries, members, routes, timers } = this.#parts;
    for (const peer of members.all) this.#peerTimeouts.handle(now, peer);
    if (this.#judgeAt <= now) {
      if (timers.owed.barrier.hasExpired(now)) this.#reachability.expire(now);
      if (timers.owed.receipts.hasExpired(now)) receipts.expire(now);
      if (timers.owed.inquiries.hasExpired(now)) inquiries.expire(now);
    }
    if (timers.knock.hasExpired(now)) this.#discovery.knock(now);
    if (timers.gossip.hasExpired(now)) this.#discovery.gossip(now);
    if (timers.sweep.hasExpired(now)) routes.sweep(now);
    if (timers.linger.hasExpired(now)) this.#interest.expire(now);
    this.#hurryReport(now);
    if (timers.report.hasExpired(now)) this.#handleReportTime(now);
    else if (timers.judge.hasExpired(now)) this.#judgePeers(now);
    this.flush(now);
    if (timers.departure.hasExpired(now)) this.#departure.step(now);
  }

  flush(now: number): void {
    if (this.#departure.isOver) return;
    for (const peer of this.#parts.flushQueue.peers) this.#routing.review(now, peer);
    this.#transmission.flush(now);
    this.#hurryReport(now);
    if (this.#parts.broadcastReview.isDue) {
      this.#parts.broadcastReview.done();
      this.#reachability.advance(now);
    }
  }

  setSeeds(now: number, endpoints: readonly Endpoint[], areAllKnown: boolean): void {
    this.#discovery.setSeeds(now, endpoints, areAllKnown);
  }

  join(now: number, address: Address, token: number): void {
    this.#reachability.join(now, token, this.#interest.join(now, address));
  }

  leave(now: number, address: Address, token: number): void {
    this.#reachability.cancel(token);
    this.#interest.leave(now, address);
  }

  send(now: number, message: OutgoingMessage, token: number): SendResult {
    return this.#departure.isOver ? this.#sendNowhere(token) : this.#routing.send(now, message, token);
  }

  sendToRoom(now: number, message: OutgoingRoomMessage, token: number): SendResult {
    return this.#departure.isOver ? this.#sendNowhere(token) : this.#routing.sendToRoom(now, message, token);
  }

  holders(now: number, address: Address): Holders {
    if (this.#departure.isOver) return { peers: [], complete: false };
    return this.#routing.holders(now, address);
  }

  acknowledge(now: number, peer: NodeId, receipt: number, delivered: number): void {
    const asker = this.#parts.members.withId(peer);
    if (asker !== undefined) this.#routing.acknowledge(now, asker, receipt, delivered);
  }

  publish(now: number, channel: string, body: Buffer): boolean {
    return this.#routing.publish(now, channel, body);
  }

  inquire(now: number, topic: string, body: Buffer, timeoutMs: number, token: number): void {
    if (this.#departure.isOver)
      this.#parts.journal.events.push({
        type: 'answers',
        token,
        answers: [],
        missing: [],
        complete: false,
      });
    else this.#routing.inquire(now, topic, body, timeoutMs, token);
  }

  answer(now: number, peer: NodeId, id: number, body: Buffer): void {
    const asker = this.#parts.members.withId(peer);
    if (asker !== undefined) this.#routing.answer(now, asker, id, body);
  }

  shutdown(now: number): void {
    this.#departure.begin(now);
  }

  pollTransmit(): Transmit | undefined {
    return this.#parts.outbox.poll();
  }

  pollEvent(): ProtocolEvent | undefined {
    return this.#parts.journal.events.shift();
  }

  pollTimeout(): number {
    if (this.#departure.isOver) return Infinity;
    const { members, timers } = this.#parts;
    let due = Math.min(timers.next, Math.max(this.#judgeAt, timers.owed.next));
    for (const peer of members.all) due = Math.min(due, peer.timers.next);
    this.#dueAt = due;
    return due;
  }

  get isCongested(): boolean {
    return this.#routing.isCongested;
  }

  isReady(): boolean {
    return this.#view.isSettled && this.#discovery.isHearing && !this.#departure.hasBegun;
  }

  problems(): readonly string[] {
    const problems = this.#discovery.problems();
    if (!this.#view.isSettled) problems.push('The view of the cluster has not settled yet.');
    if (this.#departure.hasBegun) problems.push('This node is leaving the cluster.');
    return problems;
  }

  peers(): PeerSnapshot[] {
    // The time of the last report: exact enough for an uptime.
    const now = Math.max(this.#parts.options.startedAt, this.#reportedAt);
    return this.#parts.members.all.filter(({ isProven }) => isProven).map((peer) => peer.snapshot(now));
  }

  statistics(): ProtocolStatistics {
    const { broadcast, inquiries, journal, members, outbox, receipts, routes } = this.#parts;
    const { directory } = routes;
    const { counters, rejected } = journal;
    let queuedBytes = broadcast.bytes;
    let queuedRecords = broadcast.records;
    let heldBytes = 0;
    for (const { incoming, outgoing } of members.all) {
      queuedBytes += outgoing.stream.bytes;
      queuedRecords += outgoing.stream.records;
      heldBytes += incoming.broadcast.heldBytes + incoming.broadcastFragments.bytes;
      heldBytes += incoming.unicast.heldBytes + incoming.unicastFragments.bytes;
    }
    return {
      datagramsSent: outbox.sent,
      datagramsReceived: counters.datagramsReceived,
      datagramsRejected: { ...rejected },
      messagesSent: counters.messagesSent,
      messagesReceived: counters.messagesReceived,
      recordsRepaired: counters.recordsRepaired,
      recordsRequested: counters.recordsRequested,
      answersDropped: counters.answersDropped,
      gaps: counters.gaps,
      bootsHeard: members.heard,
      directoryEntries: directory.entries,
      directoryBytes: directory.bytes,
      directoryHits: counters.directoryHits,
      directoryMisses: counters.directoryMisses,
      queuedBytes,
      queuedRecords,
      heldBytes,
      receiptsWaiting: receipts.waiting,
      answerBytes: inquiries.bytes,
    };
  }

  #sendNowhere(token: number): SendResult {
    if (token !== 0)
      this.#parts.journal.events.push({ type: 'receipt', token, delivered: 0, complete: false });
    return 'none';
  }

  #handleFrames(now: number, peer: Peer, plain: Buffer, isForPair: boolean): void {
    const end = plain.length;
    let at = 0;
    while (at + FRAME_HEADER_BYTES <= end) {
      // A frame may have dropped its sender: the rest of its datagram is ignored.
      if (peer.isGone) return;
      const start = at + FRAME_HEADER_BYTES;
      const next = start + plain.readUInt16BE(at + 1);
      if (next > end) throw new MalformedDatagramError('a frame is cut off');
      const type = plain[at] as number;
      if (type === FRAME_RECORD_UNICAST) {
        if (isForPair) this.#handleUnicastRecord(now, peer, plain, start, next);
      } else if (type === FRAME_RECORD_BROADCAST) {
        this.#handleBroadcastRecord(now, peer, plain, start, next);
      } else {
        const reader = new ByteReader(plain, start, next);
        if (isForPair) this.#handlePairFrame(now, peer, type, reader);
        else this.#handleOpenFrame(now, peer, type, reader);
      }
      at = next;
    }
    if (at !== end) throw new MalformedDatagramError('a frame header is cut off');
  }

  #handleUnicastRecord(now: number, peer: Peer, plain: Buffer, start: number, end: number): void {
    const headerEnd = start + UNICAST_RECORD_HEADER_BYTES;
    if (headerEnd > end) throw new MalformedDatagramError('a record header is cut off');
    const { incoming } = peer;
    if (!incoming.isAdmitted || plain.readUInt32BE(start + 1) !== incoming.id) return;
    const sequence = plain.readUIntBE(start + 5, 6);
    peer.loss.noteCame();
    this.#acks.noteRecord(now, peer, plain[start] as number);
    if (!incoming.unicast.receive(now, sequence, plain.subarray(headerEnd, end))) return;
    this.#delivery.applyUnicast(peer, plain.subarray(headerEnd, end));
    for (let next = incoming.unicast.take(now); next !== undefined; next = incoming.unicast.take(now)) {
      this.#delivery.applyUnicast(peer, next);
    }
    if (incoming.isStale) this.#handshake.start(now, peer);
  }

  #handleBroadcastRecord(now: number, peer: Peer, plain: Buffer, start: number, end: number): void {
    const headerEnd = start + BROADCAST_RECORD_HEADER_BYTES;
    if (headerEnd > end) throw new MalformedDatagramError('a record header is cut off');
    const { incoming } = peer;
    if (!incoming.isAdmitted) return;
    const sequence = plain.readUIntBE(start + 1, 6);
    peer.loss.noteCame();
    this.#acks.noteRecord(now, peer, plain[start] as number);
    if (!incoming.broadcast.receive(now, sequence, plain.subarray(headerEnd, end))) return;
    this.#delivery.applyBroadcast(peer, plain.subarray(headerEnd, end));
    for (let next = incoming.broadcast.take(now); next !== undefined; next = incoming.broadcast.take(now)) {
      this.#delivery.applyBroadcast(peer, next);
    }
  }

  /** A frame under the broadcast key. It may come from a boot that is not proven. */
  #handleOpenFrame(now: number, peer: Peer, type: number, reader: ByteReader): void {
    switch (type) {
      case FRAME_REPORT:
        this.#handleReport(now, peer, reader);
        break;
      case FRAME_KNOCK:
        // It only makes us meet. What else it says may come from a recording.
        break;
      case FRAME_GOSSIP:
        if (peer.incoming.isAdmitted) this.#discovery.handleGossip(now, reader);
        break;
      case FRAME_LEAVE:
        this.#membership.drop(now, peer, 'left', 'it said good-bye');
        break;
      default:
    }
  }

  #handlePairFrame(now: number, peer: Peer, type: number, reader: ByteReader): void {
    switch (type) {
      case FRAME_HELLO:
        this.#handshake.handleHello(now, peer, reader);
        break;
      case FRAME_WELCOME:
        this.#handshake.handleWelcome(now, peer, reader);
        break;
      case FRAME_STATUS:
        this.#acks.handleStatus(now, peer, reader);
        break;
      case FRAME_NACK:
        this.#transmission.handleNack(now, peer, reader);
        break;
      case FRAME_POLL:
        this.#acks.handlePoll(now, peer, reader);
        break;
      case FRAME_PING:
        this.#handlePing(peer, reader);
        break;
      case FRAME_PONG:
        peer.roundTrip.end(now, reader.u32());
        break;
      case FRAME_REPORT:
        this.#handleReport(now, peer, reader);
        break;
      case FRAME_GOSSIP:
        this.#discovery.handleGossip(now, reader);
        break;
      default:
    }
  }

  #handleProven(now: number, peer: Peer): void {
    this.#parts.peersChanged();
    if (this.#parts.options.mode === 'mesh') this.#discovery.introduceAllTo(peer);
    this.#membership.noteName(now, peer);
  }

  #handleAcked(now: number, peer: Peer): void {
    const { outgoing } = peer;
    const { stream } = outgoing;
    const { broadcast } = this.#parts;
    const isOwed = stream.inFlight > 0 || outgoing.broadcastNeededAfter < broadcast.nextToSend - 1;
    outgoing.noteAck(now, peer.roundTrip.ms, isOwed);
    if (stream.hasUnsent || outgoing.isLoading || outgoing.backlog.isCongested)
      this.#parts.flushQueue.add(peer);
  }

  #handleReport(now: number, peer: Peer, reader: ByteReader): void {
    // A peer that has heard our good-bye does not list us any more. That is no reason to rejoin.
    if (!this.#departure.isTold) this.#reports.handle(now, peer, reader);
  }

  /** Called at every report, and in between in large clusters, where reports are rare. */
  #judgePeers(now: number): void {
    this.#membership.judge(now);
    this.#discovery.judge(now);
    this.#routing.reviewAll(now);
    this.#parts.broadcastReview.request();
    this.#parts.timers.judge.set(now + JUDGED_PER_IDLE_REPORT * this.#parts.timing.reportIdleMs);
  }

  #handleReportTime(now: number): void {
    const { pace, timing } = this.#parts;
    this.#judgePeers(now);
    this.#reports.broadcast();
    this.#reportedAt = now;
    this.#view.settle(now);
    // A newcomer reports often, to be listed and ready soon, however large the cluster is.
    const afterMs = pace.nextAfterMs();
    this.#setReport(now, this.#view.isSettled ? afterMs : timing.reportIntervalMs);
  }

  #hurryReport(now: number): void {
    const { pace, timers } = this.#parts;
    if (pace.takeNews() && timers.report.at > this.#reportedAt + pace.newsMs)
      this.#setReport(now, pace.newsMs);
  }

  /** Sets the next report to `afterMs` after the last one, or to now if that time is over. */
  #setReport(now: number, afterMs: number): void {
    const jitter = 0.9 + 0.2 * this.#parts.options.random();
    this.#parts.timers.report.set(Math.max(now, this.#reportedAt + afterMs * jitter));
  }

  #ping(now: number, peer: Peer, flags: number): void {
    this.#parts.outbox.writer.beginFrame(FRAME_PING).u32(peer.roundTrip.begin(now)).u8(flags).endFrame();
    this.#parts.outbox.toPeer(peer);
  }

  #handlePing(peer: Peer, reader: ByteReader): void {
    const token = reader.u32();
    const flags = reader.u8();
    this.#parts.outbox.writer.beginFrame(FRAME_PONG).u32(token).endFrame();
    this.#parts.outbox.toPeer(peer);
    if ((flags & PING_WANTS_REPORT) !== 0) this.#reports.sendTo(peer);
  }

  /** We were called much later than we asked. A peer that seems late may only have waited for us. */
  #noticeSleep(now: number): void {
    const sleptMs = now - Math.max(this.#dueAt, this.#wokeAt);
    if (sleptMs > DOZE_MS && now > this.#judgeAt + DOZE_AGAIN_MS) this.#judgeAt = now + 1;
    if (sleptMs <= this.#parts.timing.reportIntervalMs) return;
    // The same sleep shows again at the timeout that is still due. It is forgiven only once.
    this.#wokeAt = now;
    this.#membership.forgive(now, sleptMs);
    this.#discovery.forgive(sleptMs);
    this.#parts.journal.warn(
      'stalled',
      `This node stood still for ${Math.round(sleptMs)} ms (CPU, memory or a paused process).`,
    );
  }
}
