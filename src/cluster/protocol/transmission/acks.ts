/**
 * STATUS, NACK and POLL: which records have arrived, and which are missing.
 *
 *   STATUS  session u32 (0: not admitted), unicast applied u48, broadcast applied u48, window u16
 *   NACK    stream u8 (0 broadcast, 1 unicast), session u32, then (first u48, count u16)*
 *   POLL    session u32, unicast sent u48, broadcast sent u48, broadcast kept from u48
 *   ACKS    (peer's tag u48, session u32, broadcast applied u48)*
 *
 * Rules.
 * - Acks say what was applied (R6). A STATUS rides on any datagram to the peer; alone it goes after a quarter of the window,
 *   or `ackDelayMs`, or `ackUrgentMs` where somebody waits for it.
 * - Many nodes may announce something at once. Then acks of broadcast streams are gathered (`Gathering`) and go to all peers
 *   in one ACKS: with our own announcements if there are any, else when most peers wait for one.
 * - The sender of unacked records asks (POLL) when no ack has come for a while: the answer is a STATUS, and a NACK if the
 *   last records were lost. That finds tail loss in milliseconds, without a steady beat.
 * - A NACK names a bounded number of ranges and records, and is repeated at growing intervals.
 */
import type { NodeParts } from '../node-parts.js';
import type { Peer } from '../peers/peer.js';
import type { ByteReader } from '../wire/byte-reader.js';
import { FRAME_HEADER_BYTES } from '../wire/byte-writer.js';
import { FRAME_ACKS, FRAME_NACK, FRAME_POLL, FRAME_STATUS, RECORD_URGENT } from '../wire/frames.js';

export const STREAM_BROADCAST = 0;
export const STREAM_UNICAST = 1;
const NACK_FRAME_HEADER_BYTES = FRAME_HEADER_BYTES + 5;
const NACK_RANGE_BYTES = 8;
const ACK_ENTRY_BYTES = 16;
/** Fewer peers are acked one by one. */
const SHARED_ACKS_MIN = 2;

type Parts = Pick<
  NodeParts,
  | 'broadcast'
  | 'broadcastReview'
  | 'flow'
  | 'flushQueue'
  | 'gathering'
  | 'journal'
  | 'limits'
  | 'members'
  | 'outbox'
  | 'timing'
>;

export class Acks {
  constructor(
    private readonly parts: Parts,
    private readonly ownTag: number,
    /** The peer keeps its broadcast records only from `keptFrom` on, and we need older ones. */
    private readonly broadcastGap: (now: number, peer: Peer, keptFrom: number) => void,
  ) {}

  /** A record of the peer was taken, or came again: it will be acked. */
  noteUnicastRecord(now: number, peer: Peer, flags: number): void {
    const { timing } = this.parts;
    const isUrgent = (flags & RECORD_URGENT) !== 0;
    this.#oweAck(now, peer, false, isUrgent ? timing.ackUrgentMs : timing.ackDelayMs);
  }

  /** The same for the broadcast stream, whose acks may wait for others. */
  noteBroadcastRecord(now: number, peer: Peer, flags: number): void {
    const { gathering, timing } = this.parts;
    const isUrgent = (flags & RECORD_URGENT) !== 0;
    gathering.notePeer(now, peer.index);
    const gatheredMs = gathering.ackMs(now);
    this.#oweAck(now, peer, true, isUrgent ? gatheredMs : Math.max(timing.ackDelayMs, gatheredMs));
  }

  /** Writes the ack into the datagram being made for the peer. */
  writeStatus(peer: Peer): void {
    const { incoming } = peer;
    this.parts.outbox.writer
      .beginFrame(FRAME_STATUS)
      .u32(incoming.listedId)
      .u48(incoming.unicastApplied)
      .u48(incoming.broadcastApplied)
      .u16(this.parts.flow.receiveWindow)
      .endFrame();
    incoming.noteAcked();
  }

  /** Writes the acks that others wait for into the datagram being made for all, as many as it has room for. */
  writeShared(): void {
    const { members, outbox } = this.parts;
    const { writer } = outbox;
    let room = Math.floor((writer.free - FRAME_HEADER_BYTES) / ACK_ENTRY_BYTES);
    let isBegun = false;
    for (const peer of members.all) {
      if (room <= 0) break;
      if (!this.#canShareAck(peer)) continue;
      if (!isBegun) writer.beginFrame(FRAME_ACKS);
      isBegun = true;
      const { incoming, tag } = peer;
      writer.u48(tag).u32(incoming.listedId).u48(incoming.broadcastApplied);
      incoming.noteBroadcastAcked();
      room -= 1;
    }
    if (isBegun) writer.endFrame();
  }

  /** An ack is due, and most peers wait for one. Fewer peers are acked one by one. */
  areSharedDue(now: number): boolean {
    const { members } = this.parts;
    let owed = 0;
    let isDue = false;
    for (const peer of members.all) {
      if (!this.#canShareAck(peer)) continue;
      owed += 1;
      if (peer.timers.ack.hasExpired(now)) isDue = true;
    }
    return isDue && owed >= SHARED_ACKS_MIN && owed * 2 > members.size;
  }

  handleAcks(now: number, peer: Peer, reader: ByteReader): void {
    const { outgoing } = peer;
    while (reader.remaining >= ACK_ENTRY_BYTES) {
      if (reader.u48() !== this.ownTag) {
        reader.skip(ACK_ENTRY_BYTES - 6);
        continue;
      }
      const session = reader.u32();
      const applied = reader.u48();
      if (session === 0 || session !== outgoing.id) return;
      outgoing.windowStanding.noteAnswer(now);
      if (this.noteBroadcastAck(now, peer, applied)) this.noteProgress(now, peer);
      return;
    }
  }

  /** STATUS by itself, with the NACKs that are due. */
  sendStatus(now: number, peer: Peer): void {
    this.writeStatus(peer);
    this.#writeNacks(now, peer);
    this.parts.outbox.toPeer(peer);
  }

  sendDueNacks(now: number, peer: Peer): void {
    this.#writeNacks(now, peer);
    if (this.parts.outbox.writer.length > 0) this.parts.outbox.toPeer(peer);
  }

  sendPoll(peer: Peer): void {
    const { broadcast, outbox } = this.parts;
    const { outgoing } = peer;
    outbox.writer
      .beginFrame(FRAME_POLL)
      .u32(outgoing.id)
      .u48(outgoing.stream.nextToSend - 1)
      .u48(broadcast.nextToSend - 1)
      .u48(broadcast.first)
      .endFrame();
    outbox.toPeer(peer);
  }

  handleStatus(now: number, peer: Peer, reader: ByteReader): void {
    const session = reader.u32();
    const unicast = reader.u48();
    const broadcast = reader.u48();
    const { outgoing } = peer;
    outgoing.setWindow(reader.u16());
    if (session === 0 || session !== outgoing.id) return;
    outgoing.windowStanding.noteAnswer(now);
    const isProgress = outgoing.stream.ackTo(unicast);
    if (isProgress) {
      outgoing.backlog.noteProgress(now, outgoing.stream.inFlight);
      outgoing.path.noteAcked(outgoing.stream.first - 1);
    }
    if (this.noteBroadcastAck(now, peer, broadcast) || isProgress) this.noteProgress(now, peer);
  }

  /** An ack in the present session. R6: a running maximum, never beyond what exists. Returns whether that is progress. */
  noteBroadcastAck(now: number, peer: Peer, applied: number): boolean {
    if (peer.outgoing.former.length > 0) this.parts.members.leaveFormerSessions(peer);
    const ack = Math.min(applied, this.parts.broadcast.nextSequence - 1);
    if (!peer.outgoing.barrierStanding.ack(now, ack)) return false;
    this.parts.broadcastReview.request();
    return true;
  }

  /** The peer has acked more. It is asked again if it owes more, and gets what its window has room for now. */
  noteProgress(now: number, peer: Peer): void {
    const { outgoing } = peer;
    const { stream } = outgoing;
    const { broadcast, flushQueue } = this.parts;
    const isOwed = stream.inFlight > 0 || outgoing.broadcastNeededAfter < broadcast.nextToSend - 1;
    outgoing.noteAck(now, peer.roundTrip.ms, this.parts.gathering.sharedMs(now), isOwed);
    if (stream.hasUnsent || outgoing.isLoading || outgoing.backlog.isCongested) flushQueue.add(peer);
  }

  handlePoll(now: number, peer: Peer, reader: ByteReader): void {
    const { incoming } = peer;
    const session = reader.u32();
    const unicastSent = reader.u48();
    const broadcastSent = reader.u48();
    const broadcastKeptFrom = reader.u48();
    if (incoming.isAdmitted && session === incoming.id) {
      incoming.unicast.noteHighest(now, unicastSent);
      incoming.broadcast.noteHighest(now, broadcastSent);
      incoming.unicast.askNow(now);
      // Broadcast records are not asked for yet: they may still be unread in the other socket.
      if (broadcastKeptFrom > incoming.broadcast.next) this.broadcastGap(now, peer, broadcastKeptFrom);
    }
    this.sendStatus(now, peer);
  }

  #oweAck(now: number, peer: Peer, isBroadcast: boolean, afterMs: number): void {
    const isQuarter = peer.incoming.oweAck(isBroadcast) >= this.parts.flow.receiveWindow / 4;
    peer.timers.ack.setIfSooner(isQuarter ? now : now + afterMs);
    if (isQuarter) this.parts.flushQueue.add(peer);
  }

  #canShareAck({ incoming, knowsSharedAcks }: Peer): boolean {
    return incoming.owesBroadcastAck && incoming.isAdmitted && knowsSharedAcks;
  }

  #writeNacks(now: number, peer: Peer): void {
    const { incoming } = peer;
    if (!incoming.isAdmitted) return;
    for (const stream of [STREAM_BROADCAST, STREAM_UNICAST]) {
      const isBroadcast = stream === STREAM_BROADCAST;
      const records = isBroadcast ? incoming.broadcast : incoming.unicast;
      const timer = isBroadcast ? peer.timers.broadcastNack : peer.timers.unicastNack;
      if (!timer.hasExpired(now)) continue;
      const { writer } = this.parts.outbox;
      const fits = Math.floor((writer.free - NACK_FRAME_HEADER_BYTES) / NACK_RANGE_BYTES);
      if (fits < 1) return;
      const { nackRanges, nackRecords } = this.parts.limits;
      writer.beginFrame(FRAME_NACK).u8(stream).u32(incoming.id);
      const asked = records.writeMissing(now, writer, Math.min(nackRanges, fits), nackRecords);
      writer.endFrame();
      peer.loss.noteAsked(asked);
      this.parts.journal.counters.recordsRequested += asked;
    }
  }
}
