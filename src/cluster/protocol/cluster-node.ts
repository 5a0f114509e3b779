/**
 * One node of the cluster, sans-IO. It makes the parts, and hands each input, command and timer to the part that owns it.
 *
 * Theory of operation. Every node has one numbered broadcast stream. In it the node says which users and rooms it gains
 * and loses, and the others write that into their directories. Messages go by one numbered stream per peer. Reports say
 * which nodes live and which sessions they have. HELLO and WELCOME begin a session in one direction. What can't be
 * repaired begins a new session. Nothing is missed silently: one of the two nodes has an event that names the other
 * (docs/cluster-correctness.md).
 *
 * Call order of a turn: any inputs (`handle*`, commands), then `flush`, then poll transmits, events and the timeout.
 */
import type {
  Address,
  Arrival,
  Endpoint,
  Holders,
  NodeId,
  OutgoingBroadcast,
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
import { FrameDispatch } from './frame-dispatch.js';
import { Admission } from './membership/admission.js';
import { Discovery } from './membership/discovery.js';
import { Handshake } from './membership/handshake.js';
import { Membership } from './membership/membership.js';
import { Pings } from './membership/pings.js';
import { ReportSchedule } from './membership/report-schedule.js';
import { Reports } from './membership/reports.js';
import { View } from './membership/view.js';
import { makeParts, type NodeParts } from './node-parts.js';
import { NodeTimeouts } from './node-timeouts.js';
import type { ClusterNodeOptions } from './options.js';
import { PeerTimeouts } from './peer-timeouts.js';
import type { Peer } from './peers/peer.js';
import { Congestion } from './routing/congestion.js';
import { Delivery } from './routing/delivery.js';
import { Inquiries } from './routing/inquiries.js';
import { Interest } from './routing/interest.js';
import { Publications } from './routing/publications.js';
import { Reachability } from './routing/reachability.js';
import { Reception } from './routing/reception.js';
import { RoomPaths } from './routing/room-paths.js';
import { Routing } from './routing/routing.js';
import { VolatileMessages } from './routing/volatile-messages.js';
import { Sleep } from './sleep.js';
import { statisticsOf } from './statistics.js';
import { Acks } from './transmission/acks.js';
import { BroadcastWindow } from './transmission/broadcast-window.js';
import { PathProbes } from './transmission/path-probes.js';
import { Repairs } from './transmission/repairs.js';
import { Transmission } from './transmission/transmission.js';

export class ClusterNode implements ProtocolNode {
  readonly nodeId: NodeId;
  readonly #parts: NodeParts;
  readonly #acks: Acks;
  readonly #admission: Admission;
  readonly #congestion: Congestion;
  readonly #departure: Departure;
  readonly #discovery: Discovery;
  readonly #frames: FrameDispatch;
  readonly #inquiries: Inquiries;
  readonly #interest: Interest;
  readonly #membership: Membership;
  readonly #nodeTimeouts: NodeTimeouts;
  readonly #peerTimeouts: PeerTimeouts;
  readonly #publications: Publications;
  readonly #reachability: Reachability;
  readonly #reportSchedule: ReportSchedule;
  readonly #routing: Routing;
  readonly #sleep: Sleep;
  readonly #transmission: Transmission;
  readonly #view: View;
  readonly #volatileMessages: VolatileMessages;

  constructor(options: ClusterNodeOptions) {
    const parts = makeParts(options);
    this.#parts = parts;
    this.nodeId = options.bootId.toString('hex');
    this.#admission = new Admission(parts, {
      listensForItself: (now, arrival, source) => this.#discovery.listensForItself(now, arrival, source),
      heardOurselves: (now, arrival, source) => this.#discovery.heardOurselves(now, arrival, source),
      met: (now, peer) => handshake.start(now, peer),
    });
    this.#acks = new Acks(parts, this.#admission.ownTag, (now, peer, keptFrom) =>
      reports.handleBroadcastGap(now, peer, keptFrom),
    );
    const acks = this.#acks;
    const handshake = new Handshake(parts, acks, (now, peer) => this.#handleProven(now, peer));
    const reports = new Reports(parts, acks, this.#admission.ownTag, handshake);
    const pings = new Pings(parts, reports);
    this.#membership = new Membership(parts, reports, pings);
    this.#discovery = new Discovery(parts, this.#admission, handshake);
    const probes = new PathProbes(parts.outbox);
    this.#transmission = new Transmission(parts, acks, probes, new BroadcastWindow(parts));
    this.#view = new View(parts, this.#discovery);
    const paths = new RoomPaths(parts);
    const congestion = new Congestion(parts, paths);
    this.#congestion = congestion;
    this.#routing = new Routing(parts, this.#view, paths, congestion);
    this.#publications = new Publications(parts);
    this.#inquiries = new Inquiries(parts, this.#view, congestion);
    this.#volatileMessages = new VolatileMessages(parts, congestion, paths);
    this.#interest = new Interest(parts);
    this.#reachability = new Reachability(parts, (now) => this.#view.knowsAll(now));
    this.#departure = new Departure(parts, congestion);
    this.#reportSchedule = new ReportSchedule(parts, reports, this.#view);
    this.#peerTimeouts = new PeerTimeouts(parts, { acks, congestion, handshake, pings, probes });
    this.#nodeTimeouts = new NodeTimeouts(parts, {
      congestion,
      discovery: this.#discovery,
      interest: this.#interest,
      membership: this.#membership,
      reachability: this.#reachability,
      reportSchedule: this.#reportSchedule,
    });
    this.#sleep = new Sleep(parts.timing.reportIntervalMs);
    this.#frames = new FrameDispatch({
      acks,
      departure: this.#departure,
      discovery: this.#discovery,
      handshake,
      membership: this.#membership,
      pings,
      probes,
      reception: new Reception(parts, acks, new Delivery(parts), handshake),
      repairs: new Repairs(parts),
      reports,
    });
  }

  handleDatagram(now: number, arrival: Arrival, bytes: Buffer, source: Endpoint): void {
    this.#noticeSleep(now);
    if (this.#departure.isOver) return;
    this.#parts.journal.counters.datagramsReceived += 1;
    try {
      const admitted = this.#admission.admit(now, arrival, bytes, source);
      if (admitted !== null) this.#frames.handleFrames(now, admitted);
    } catch (error) {
      if (!(error instanceof MalformedDatagramError)) throw error;
      this.#parts.journal.reject('malformed');
    }
  }

  handleTimeout(now: number): void {
    this.#noticeSleep(now);
    this.#sleep.expectCall(Infinity);
    if (this.#departure.isOver) return;
    const { carriage, members, timers } = this.#parts;
    if (carriage.isUp) {
      if (this.#acks.areSharedDue(now)) this.#transmission.sendShared(now);
      for (const peer of members.all) this.#peerTimeouts.handle(now, peer);
    }
    this.#nodeTimeouts.handle(now, this.#sleep.judgeAt <= now);
    this.flush(now);
    if (timers.departure.hasExpired(now)) this.#departure.step(now);
  }

  flush(now: number): void {
    if (this.#departure.isOver) return;
    for (const peer of this.#parts.flushQueue.peers) this.#congestion.review(now, peer);
    this.#transmission.flush(now);
    if (this.#parts.carriage.isUp) this.#reportSchedule.hurry(now);
    if (this.#parts.broadcastReview.isDue) {
      this.#parts.broadcastReview.done();
      this.#reachability.advance(now);
      this.#congestion.reviewBroadcast();
    }
  }

  setSeeds(now: number, endpoints: readonly Endpoint[], areAllKnown: boolean): void {
    this.#discovery.setSeeds(now, endpoints, areAllKnown);
  }

  setOutage(now: number, outage: string | null): void {
    this.#noticeSleep(now);
    const { carriage, members, options, pace, timers } = this.#parts;
    if (outage !== null) {
      if (carriage.fail(now, outage)) this.#congestion.reviewAll(now);
      return;
    }
    if (carriage.isUp) return;
    const awayMs = carriage.return(now);
    this.#membership.resume(now, awayMs);
    this.#discovery.resume(awayMs);
    this.#view.resume(awayMs);
    const delayMs = (): number => options.random() * pace.newsMs;
    timers.carried.postponeExpired(now, delayMs);
    for (const peer of members.all) peer.timers.postponeExpired(now, delayMs);
  }

  join(now: number, address: Address, token: number): void {
    this.#reachability.join(now, token, this.#interest.join(now, address));
  }

  leave(now: number, address: Address, token: number): void {
    this.#reachability.cancel(token);
    this.#interest.leave(now, address);
  }

  send(now: number, message: OutgoingMessage, token: number): SendResult {
    if (this.#departure.isOver) return this.#sendNowhere(token);
    if (message.isVolatile === true) return this.#volatileMessages.send(now, message);
    return this.#routing.send(now, message, token);
  }

  sendToRoom(now: number, message: OutgoingRoomMessage, token: number): SendResult {
    if (this.#departure.isOver) return this.#sendNowhere(token);
    if (message.isVolatile === true) return this.#volatileMessages.sendToRoom(now, message);
    return this.#routing.sendToRoom(now, message, token);
  }

  sendToAll(now: number, message: OutgoingBroadcast, token: number): SendResult {
    return this.#departure.isOver ? this.#sendNowhere(token) : this.#routing.sendToAll(now, message, token);
  }

  holders(now: number, address: Address): Holders {
    if (this.#departure.isOver) return { peers: [], complete: false };
    return this.#routing.holders(now, address);
  }

  watch(address: Address): void {
    this.#parts.routes.watch(address);
  }

  unwatch(address: Address): void {
    this.#parts.routes.unwatch(address);
  }

  acknowledge(now: number, peer: NodeId, receipt: number, delivered: number): void {
    const asker = this.#parts.members.withId(peer);
    if (asker !== undefined) this.#inquiries.acknowledge(now, asker, receipt, delivered);
  }

  publish(now: number, channel: string, body: Buffer): boolean {
    return this.#publications.publish(now, channel, body);
  }

  publishToHolders(now: number, address: Address, channel: string, body: Buffer): NodeId[] {
    return this.#departure.isOver ? [] : this.#publications.publishToHolders(now, address, channel, body);
  }

  publishTo(now: number, peer: NodeId, channel: string, body: Buffer): boolean {
    const to = this.#parts.members.withId(peer);
    return to?.isProven === true && this.#publications.publishTo(now, to, channel, body);
  }

  ask(now: number, topic: string, body: Buffer, timeoutMs: number, token: number): void {
    if (this.#departure.isOver)
      this.#parts.journal.events.push({
        type: 'answers',
        token,
        answers: [],
        missing: [],
        complete: false,
      });
    else this.#inquiries.ask(now, topic, body, timeoutMs, token);
  }

  answer(now: number, peer: NodeId, id: number, body: Buffer): void {
    const asker = this.#parts.members.withId(peer);
    if (asker !== undefined) this.#inquiries.answer(now, asker, id, body);
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
    const { carriage, members, timers } = this.#parts;
    let due = Math.min(timers.next, Math.max(this.#sleep.judgeAt, timers.owed.next));
    if (carriage.isUp) {
      due = Math.min(due, timers.carried.next);
      for (const peer of members.all) due = Math.min(due, peer.timers.next);
    }
    this.#sleep.expectCall(due);
    return due;
  }

  get isCongested(): boolean {
    return this.#congestion.isOn;
  }

  isReady(): boolean {
    const isCutOff = this.#parts.carriage.isLongAway || !this.#discovery.isHearing;
    return this.#view.isSettled && !isCutOff && !this.#departure.hasBegun;
  }

  problems(): readonly string[] {
    const { outage } = this.#parts.carriage;
    // What is not carried is not heard either.
    const problems = outage === null ? this.#discovery.problems() : [outage];
    if (!this.#view.isSettled) problems.push('The view of the cluster has not settled yet.');
    if (this.#departure.hasBegun) problems.push('This node is leaving the cluster.');
    return problems;
  }

  peers(): PeerSnapshot[] {
    // The time of the last report is exact enough for an uptime.
    const now = this.#reportSchedule.reportedAt;
    return this.#parts.members.all.filter(({ isProven }) => isProven).map((peer) => peer.snapshot(now));
  }

  statistics(): ProtocolStatistics {
    return statisticsOf(this.#parts);
  }

  #sendNowhere(token: number): SendResult {
    if (token !== 0)
      this.#parts.journal.events.push({ type: 'receipt', token, delivered: 0, complete: false });
    return 'none';
  }

  #handleProven(now: number, peer: Peer): void {
    this.#parts.peersChanged();
    if (this.#parts.options.mode === 'mesh') this.#discovery.introduceAllTo(peer);
    this.#membership.noteName(now, peer);
  }

  #noticeSleep(now: number): void {
    const sleptMs = this.#sleep.noticeCall(now);
    if (sleptMs === 0) return;
    this.#membership.forgive(now, sleptMs);
    this.#discovery.forgive(sleptMs);
    this.#parts.carriage.forgive(sleptMs);
    this.#parts.journal.warn(
      'stalled',
      `This node stood still for ${Math.round(sleptMs)} ms (CPU, memory or a paused process).`,
    );
  }
}
