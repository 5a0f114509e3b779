/**
 * What leaves at the end of a turn: records within their windows, and snapshots.
 *
 * Rules.
 * - Unicast: at most min(unicastWindowRecords, the peer's window) records are in flight; acks release the next ones.
 *   There is no rate, and loss alone slows nothing down: the window is what the receiver's buffer holds.
 * - Broadcast: as far as `BroadcastWindow` says.
 * - Records that leave together share datagrams, as large as the path to the peer is known to take.
 * - Snapshots are paced: `snapshotRecords` at a time, and messages take turns with them.
 */
import { HASH_BYTES, writeHash } from '../directory/name-hash.js';
import type { NodeParts } from '../node-parts.js';
import type { Peer } from '../peers/peer.js';
import type { OutgoingRecord } from '../streams/outgoing-record.js';
import { DATAGRAM_OVERHEAD_BYTES } from '../wire/datagram.js';
import { MESSAGE_HEADER_BYTES, MESSAGE_SNAPSHOT, MESSAGE_SNAPSHOT_END } from '../wire/frames.js';
import type { Acks } from './acks.js';
import type { BroadcastWindow } from './broadcast-window.js';
import type { PathProbes } from './path-probes.js';
import { UNICAST_RECORD_BYTES, writeBroadcastRecord, writeUnicastRecord } from './record-frames.js';

type Parts = Pick<
  NodeParts,
  | 'broadcast'
  | 'broadcastReview'
  | 'carriage'
  | 'flushQueue'
  | 'gathering'
  | 'limits'
  | 'members'
  | 'outbox'
  | 'recordBytes'
  | 'timers'
  | 'volatileToAll'
>;

export class Transmission {
  constructor(
    private readonly parts: Parts,
    private readonly acks: Acks,
    private readonly probes: PathProbes,
    private readonly window: BroadcastWindow,
  ) {}

  flush(now: number): void {
    if (!this.parts.carriage.isUp) {
      this.#keepBroadcast(now);
      this.parts.volatileToAll.take();
      return;
    }
    this.#flushBroadcast(now);
    if (!this.parts.volatileToAll.isEmpty) this.#sendVolatileToAll();
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

  #flushBroadcast(now: number): void {
    const { parts } = this;
    const { broadcast } = parts;
    this.#closeBroadcast(now);
    this.parts.timers.carried.giveUp.cancel();
    if (!broadcast.hasUnsent && !parts.broadcastReview.isDue) return;
    const limit = this.window.update(now);
    this.window.evict();
    if (!broadcast.hasUnsent || broadcast.nextToSend > limit) return;
    while (broadcast.hasUnsent && broadcast.nextToSend <= limit) {
      const sequence = broadcast.nextToSend;
      writeBroadcastRecord(parts.outbox.writer, sequence, broadcast.takeUnsent(now));
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
      this.window.free();
    }
    this.window.evict();
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

  #sendVolatileToAll(): void {
    const { outbox, volatileToAll } = this.parts;
    for (const frames of volatileToAll.take()) {
      outbox.writer.raw(frames);
      outbox.toAll();
    }
  }

  /** As many records as go into the datagram being made, and one at least. */
  #writeUnsent(now: number, peer: Peer, window: number): void {
    const { outbox } = this.parts;
    const { stream } = peer.outgoing;
    let next: OutgoingRecord | undefined;
    do {
      const sequence = stream.nextToSend;
      writeUnicastRecord(outbox.writer, peer.outgoing.id, sequence, stream.takeUnsent(now));
      next = stream.inFlight < window ? stream.at(stream.nextToSend) : undefined;
    } while (next !== undefined && UNICAST_RECORD_BYTES + next.body.length <= outbox.writer.free);
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
