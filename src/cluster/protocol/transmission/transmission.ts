/**
 * What leaves at the end of a turn: records within their windows, repairs, snapshots.
 *
 * Rules.
 * - Unicast: at most min(unicastWindowRecords, the peer's window) records are in flight; acks release the next ones.
 *   There is no rate, and loss alone slows nothing down: the window is what the receiver's buffer holds.
 * - Broadcast: at most min(broadcastWindowRecords, smallest window, our own echo's) beyond the slowest peer that is not a
 *   laggard. A peer becomes a laggard when a record waits for it for `laggardAfterMs`, or when it shuts the window and
 *   answers nothing for `unheardAfterMs`. So the others never wait for one for long. A peer that shuts the window often,
 *   but keeps the records moving, has a small buffer. It is no laggard: without its window it would be overrun.
 * - While a peer shuts the window it is asked for its position at short intervals that do not grow.
 * - A record that only laggards need is freed. Beyond the ring's limits the oldest is freed even if others need it. A peer
 *   that needs a freed record sees the gap, and rejoins.
 * - A repair goes to the peer that asks. It goes to everyone when a second peer asks for the same record within
 *   `repairLingerMs` (not in mesh mode). A record that is on its way already is not sent again within that time.
 * - Records that leave together share datagrams, as large as the path to the peer is known to take. A repair travels
 *   alone: a record that was lost with a large datagram must not need another large one to arrive.
 * - Snapshots are paced: `snapshotRecords` at a time, and messages take turns with them.
 */
import { HASH_BYTES, writeHash } from '../directory/name-hash.js';
import type { NodeParts } from '../node-parts.js';
import type { Peer } from '../peers/peer.js';
import type { OutgoingRecord } from '../streams/outgoing-record.js';
import type { ByteReader } from '../wire/byte-reader.js';
import { FRAME_HEADER_BYTES } from '../wire/byte-writer.js';
import { DATAGRAM_OVERHEAD_BYTES } from '../wire/datagram.js';
import {
  FRAME_RECORD_BROADCAST,
  FRAME_RECORD_UNICAST,
  MESSAGE_HEADER_BYTES,
  MESSAGE_SNAPSHOT,
  MESSAGE_SNAPSHOT_END,
  RECORD_URGENT,
  UNICAST_RECORD_HEADER_BYTES,
} from '../wire/frames.js';
import type { Acks } from './acks.js';
import { STREAM_BROADCAST, STREAM_UNICAST } from './acks.js';
import type { PathProbes } from './path-probes.js';

/** Of a record in a datagram, beside its messages. */
const UNICAST_RECORD_BYTES = FRAME_HEADER_BYTES + UNICAST_RECORD_HEADER_BYTES;

type Parts = Pick<
  NodeParts,
  | 'broadcast'
  | 'broadcastReview'
  | 'carriage'
  | 'flow'
  | 'flushQueue'
  | 'gathering'
  | 'journal'
  | 'limits'
  | 'members'
  | 'options'
  | 'outbox'
  | 'recordBytes'
  | 'timers'
  | 'timing'
>;

export class Transmission {
  constructor(
    private readonly parts: Parts,
    private readonly acks: Acks,
    private readonly probes: PathProbes,
  ) {}

  flush(now: number): void {
    if (!this.parts.carriage.isUp) {
      this.#keepBroadcast(now);
      return;
    }
    this.#flushBroadcast(now);
    this.parts.flushQueue.drain((peer) => {
      if (!peer.isGone) this.#flushPeer(now, peer);
    });
  }

  /** Acks to all, with the announcements that wait. */
  sendShared(now: number): void {
    const { gathering, outbox } = this.parts;
    gathering.hurry();
    this.#flushBroadcast(now);
    gathering.noteLeft(now);
    this.acks.writeShared();
    if (outbox.writer.length > 0) outbox.toAll();
  }

  /**
   * Frees the records that all peers in the window have. Returns the sequence up to which the broadcast stream may be
   * sent.
   */
  updateBroadcastWindow(now: number): number {
    const { broadcast, flow, members } = this.parts;
    let slowest = Infinity;
    let fastest = -Infinity;
    let window = flow.broadcastWindow;
    for (const { outgoing } of members.all) {
      if (!outgoing.isOpen) continue;
      const after = outgoing.broadcastNeededAfter;
      if (outgoing.windowStanding.isLaggard) {
        // Compared with the smallest window, its own included. With a larger one it would be back at once, and then
        // shut the window again.
        const smallest = Math.min(window, outgoing.window);
        if (after + 1 < broadcast.first || after + smallest < broadcast.nextToSend) continue;
        outgoing.windowStanding.catchUp();
        window = smallest;
      }
      slowest = Math.min(slowest, after);
      fastest = Math.max(fastest, after);
    }
    if (slowest === Infinity) {
      this.#freeBroadcast();
      return Infinity;
    }
    broadcast.ackTo(slowest);
    const limit = slowest + window;
    const isShut = broadcast.nextSequence - 1 > limit;
    // The time when the oldest record that the window holds back was closed.
    const waitingSince = broadcast.at(Math.max(limit + 1, broadcast.nextToSend))?.closedAt ?? now;
    let isRelieved = false;
    for (const peer of members.all) {
      const { outgoing } = peer;
      const standing = outgoing.windowStanding;
      if (!outgoing.isOpen || standing.isLaggard) continue;
      // If all are equally far behind, none delays the others.
      if (!isShut || outgoing.broadcastNeededAfter > slowest || fastest === slowest) {
        standing.release();
        continue;
      }
      if (standing.state === 'in-step') {
        standing.block(now);
        outgoing.pollSoon(now, peer.roundTrip.ms, 0);
      }
      const endsAt = standing.patienceEndsAt(waitingSince);
      if (now < endsAt) {
        this.parts.timers.carried.giveUp.setIfSooner(endsAt);
      } else {
        standing.giveUp();
        isRelieved = true;
      }
    }
    // Again, at once: the others must get ahead of the laggard's window before it is checked again.
    return isRelieved ? this.updateBroadcastWindow(now) : limit;
  }

  handleNack(now: number, peer: Peer, reader: ByteReader): void {
    const kind = reader.u8();
    const session = reader.u32();
    const { outgoing } = peer;
    if (session === 0 || session !== outgoing.id) return;
    const { broadcast, limits } = this.parts;
    const stream = kind === STREAM_BROADCAST ? broadcast : outgoing.stream;
    let left = limits.nackRecords;
    while (reader.remaining > 0 && left > 0) {
      const first = reader.u48();
      const count = reader.u16();
      if (kind === STREAM_UNICAST) outgoing.path.noteMissing(now, first, first + count);
      const end = Math.min(first + Math.min(count, left), stream.nextToSend);
      for (let sequence = first; sequence < end; sequence += 1, left -= 1) {
        const record = stream.at(sequence);
        if (record === undefined) continue;
        if (kind === STREAM_BROADCAST) this.#repairBroadcast(now, peer, sequence, record);
        else this.#repairUnicast(now, peer, sequence, record);
      }
    }
  }

  #flushBroadcast(now: number): void {
    const { parts } = this;
    const { broadcast } = parts;
    this.#closeBroadcast(now);
    this.parts.timers.carried.giveUp.cancel();
    if (!broadcast.hasUnsent && !parts.broadcastReview.isDue) return;
    const limit = this.updateBroadcastWindow(now);
    this.#evictBroadcast();
    if (!broadcast.hasUnsent || broadcast.nextToSend > limit) return;
    while (broadcast.hasUnsent && broadcast.nextToSend <= limit) {
      const sequence = broadcast.nextToSend;
      this.#writeBroadcastRecord(sequence, broadcast.takeUnsent(now));
      this.acks.writeShared();
      parts.outbox.toAll();
    }
    const gatheredMs = parts.gathering.sharedMs(now);
    for (const peer of parts.members.all) {
      if (peer.outgoing.isOpen) peer.outgoing.expectAck(now, peer.roundTrip.ms, gatheredMs);
    }
  }

  /** Closes the record that is being filled, unless announcements in it wait for others. */
  #closeBroadcast(now: number): void {
    const { broadcast, gathering, timers } = this.parts;
    timers.carried.gathered.cancel();
    if (!broadcast.isFilling) return;
    const leavesAt = gathering.leavesAt(now);
    if (leavesAt > now) {
      timers.carried.gathered.set(leavesAt);
    } else {
      broadcast.close(now);
      gathering.noteLeft(now);
    }
  }

  /** R15: nothing is carried. Announcements wait in as few records as possible, within the limits of the ring. */
  #keepBroadcast(now: number): void {
    const { broadcast, members } = this.parts;
    if (!members.all.some(({ outgoing }) => outgoing.isOpen)) {
      broadcast.close(now);
      this.#freeBroadcast();
    }
    this.#evictBroadcast();
  }

  /** Nobody has a session: a new peer starts after what exists now. */
  #freeBroadcast(): void {
    const { broadcast } = this.parts;
    broadcast.skipUnsent();
    broadcast.ackTo(broadcast.nextSequence - 1);
  }

  #evictBroadcast(): void {
    const { broadcast, limits } = this.parts;
    const { broadcastRingBytes, broadcastRingRecords } = limits;
    while (broadcast.records > broadcastRingRecords || broadcast.bytes > broadcastRingBytes)
      broadcast.evictOldest();
  }

  #flushPeer(now: number, peer: Peer): void {
    const { outgoing, timers } = peer;
    outgoing.closeRecord(now);
    if (outgoing.isOpen) {
      if (outgoing.isLoading) this.#pumpSnapshot(now, peer);
      this.#sendClosed(now, peer);
    }
    if (!outgoing.volatile.isEmpty) this.#sendVolatile(peer);
    if (timers.ack.hasExpired(now)) this.acks.sendStatus(now, peer);
  }

  /** Closed records within the window. */
  #sendClosed(now: number, peer: Peer): void {
    const { outgoing, timers } = peer;
    const { stream } = outgoing;
    const window = Math.min(outgoing.window, this.parts.limits.unicastWindowRecords);
    if (!stream.hasUnsent || stream.inFlight >= window) return;
    outgoing.backlog.noteSent(now);
    const { outbox } = this.parts;
    for (;;) {
      outbox.writer.widen(outgoing.path.bytes - DATAGRAM_OVERHEAD_BYTES);
      if (timers.ack.isSet) this.acks.writeStatus(peer);
      const first = stream.nextToSend;
      this.#writeUnsent(now, peer, window);
      if (outbox.writer.isWide) outgoing.path.noteSent(first, stream.nextToSend - 1);
      outbox.toPeer(peer);
      if (!stream.hasUnsent || stream.inFlight >= window) break;
      this.probes.wantLarger(now, peer);
    }
    outgoing.expectAck(now, peer.roundTrip.ms, 0);
  }

  #sendVolatile(peer: Peer): void {
    const { outbox } = this.parts;
    for (const frames of peer.outgoing.volatile.take()) {
      outbox.writer.raw(frames);
      outbox.toPeer(peer);
    }
  }

  /** As many records as go into the datagram being made, and one at least. */
  #writeUnsent(now: number, peer: Peer, window: number): void {
    const { stream } = peer.outgoing;
    let next: OutgoingRecord | undefined;
    do {
      const sequence = stream.nextToSend;
      this.#writeUnicastRecord(peer, sequence, stream.takeUnsent(now));
      next = stream.inFlight < window ? stream.at(stream.nextToSend) : undefined;
    } while (next !== undefined && UNICAST_RECORD_BYTES + next.body.length <= this.parts.outbox.writer.free);
  }

  #repairBroadcast(now: number, peer: Peer, sequence: number, record: OutgoingRecord): void {
    const { journal, options, outbox, timing } = this.parts;
    const isRecent = now - record.sentAt < timing.repairLingerMs;
    // It was sent to everyone or to this peer a moment ago, so it is on its way.
    if (isRecent && (record.repairedFor === null || record.repairedFor === peer)) return;
    this.#writeBroadcastRecord(sequence, record);
    journal.counters.recordsRepaired += 1;
    const isForAll = isRecent && options.mode === 'broadcast';
    record.repair(now, isForAll ? null : peer);
    if (isForAll) outbox.toAll();
    else outbox.toPeer(peer);
  }

  #repairUnicast(now: number, peer: Peer, sequence: number, record: OutgoingRecord): void {
    // A first transmission may be lost and is repaired at once. A repair within the linger is still on its way.
    if (now - record.sentAt < this.parts.timing.repairLingerMs && record.repairedFor !== null) return;
    record.repair(now, peer);
    this.#writeUnicastRecord(peer, sequence, record);
    this.parts.journal.counters.recordsRepaired += 1;
    this.parts.outbox.toPeer(peer);
  }

  #writeBroadcastRecord(sequence: number, record: OutgoingRecord): void {
    this.parts.outbox.writer
      .beginFrame(FRAME_RECORD_BROADCAST)
      .u8(record.isUrgent ? RECORD_URGENT : 0)
      .u48(sequence)
      .raw(record.body)
      .endFrame();
  }

  #writeUnicastRecord(peer: Peer, sequence: number, record: OutgoingRecord): void {
    this.parts.outbox.writer
      .beginFrame(FRAME_RECORD_UNICAST)
      .u8(record.isUrgent ? RECORD_URGENT : 0)
      .u32(peer.outgoing.id)
      .u48(sequence)
      .raw(record.body)
      .endFrame();
  }

  /** R5: sends our users up to the session's base, then the end of the snapshot. */
  #pumpSnapshot(now: number, { outgoing }: Peer): void {
    const { limits, recordBytes } = this.parts;
    const hashesMax = Math.floor((recordBytes - MESSAGE_HEADER_BYTES) / HASH_BYTES);
    while (outgoing.isLoading && outgoing.stream.snapshotRecords < limits.snapshotRecords) {
      const body = Buffer.allocUnsafe(MESSAGE_HEADER_BYTES + hashesMax * HASH_BYTES);
      let length = MESSAGE_HEADER_BYTES;
      while (length < body.length) {
        const key = outgoing.takeOfSnapshot();
        if (key === undefined) break;
        writeHash(body, length, key);
        length += HASH_BYTES;
      }
      if (length > MESSAGE_HEADER_BYTES) {
        body[0] = MESSAGE_SNAPSHOT;
        body.writeUInt16BE(length - MESSAGE_HEADER_BYTES, 1);
        outgoing.stream.appendSnapshot(now, body.subarray(0, length));
      }
    }
    if (!outgoing.isLoading) {
      outgoing.stream.appendSnapshot(now, Buffer.from([MESSAGE_SNAPSHOT_END, 0, 0]));
    }
  }
}
