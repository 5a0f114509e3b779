/**
 * Repairs: records that peers ask for again.
 *
 * Rules.
 * - A repair goes to the peer that asks. It goes to everyone when a second peer asks for the same record within
 *   `repairLingerMs` (not in mesh mode). A record that is on its way already is not sent again within that time.
 * - A repair travels alone: a record that was lost with a large datagram must not need another large one to arrive.
 */
import type { NodeParts } from '../node-parts.js';
import type { Peer } from '../peers/peer.js';
import type { OutgoingRecord } from '../streams/outgoing-record.js';
import type { ByteReader } from '../wire/byte-reader.js';
import { STREAM_BROADCAST, STREAM_UNICAST } from './acks.js';
import { writeBroadcastRecord, writeUnicastRecord } from './record-frames.js';

type Parts = Pick<NodeParts, 'broadcast' | 'journal' | 'limits' | 'options' | 'outbox' | 'timing'>;

export class Repairs {
  constructor(private readonly parts: Parts) {}

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

  #repairBroadcast(now: number, peer: Peer, sequence: number, record: OutgoingRecord): void {
    const { journal, options, outbox, timing } = this.parts;
    const isRecent = now - record.sentAt < timing.repairLingerMs;
    // It was sent to everyone or to this peer a moment ago, so it is on its way.
    if (isRecent && (record.repairedFor === null || record.repairedFor === peer)) return;
    writeBroadcastRecord(outbox.writer, sequence, record);
    journal.counters.recordsRepaired += 1;
    const isForAll = isRecent && options.mode === 'broadcast';
    record.repair(now, isForAll ? null : peer);
    if (isForAll) outbox.toAll();
    else outbox.toPeer(peer);
  }

  #repairUnicast(now: number, peer: Peer, sequence: number, record: OutgoingRecord): void {
    const { journal, outbox, timing } = this.parts;
    // A first transmission may be lost and is repaired at once. A repair within the linger is still on its way.
    if (now - record.sentAt < timing.repairLingerMs && record.repairedFor !== null) return;
    record.repair(now, peer);
    writeUnicastRecord(outbox.writer, peer.outgoing.id, sequence, record);
    journal.counters.recordsRepaired += 1;
    outbox.toPeer(peer);
  }
}
