/**
 * Records as they come in. Records of another session are ignored. The others are acked, put in order, and applied when
 * it is their turn. Volatile messages are applied as they come, unless a newer one has come before.
 */
import { MalformedDatagramError } from '../errors.js';
import type { Admitted } from '../membership/admission.js';
import type { Handshake } from '../membership/handshake.js';
import type { NodeParts } from '../node-parts.js';
import type { Peer } from '../peers/peer.js';
import type { Acks } from '../transmission/acks.js';
import { BROADCAST_RECORD_HEADER_BYTES, UNICAST_RECORD_HEADER_BYTES } from '../wire/frames.js';
import type { Delivery } from './delivery.js';

export class Reception {
  constructor(
    private readonly parts: Pick<NodeParts, 'journal'>,
    private readonly acks: Acks,
    private readonly delivery: Delivery,
    private readonly handshake: Handshake,
  ) {}

  /** The record is `plain[start..end)`. */
  receiveUnicast(now: number, peer: Peer, plain: Buffer, start: number, end: number): void {
    const headerEnd = start + UNICAST_RECORD_HEADER_BYTES;
    if (headerEnd > end) throw new MalformedDatagramError('a record header is cut off');
    const { incoming } = peer;
    if (!incoming.isAdmitted || plain.readUInt32BE(start + 1) !== incoming.id) return;
    const sequence = plain.readUIntBE(start + 5, 6);
    peer.loss.noteCame();
    this.acks.noteUnicastRecord(now, peer, plain[start] as number);
    if (!incoming.unicast.receive(now, sequence, plain.subarray(headerEnd, end))) return;
    this.delivery.applyUnicast(peer, plain.subarray(headerEnd, end));
    for (let next = incoming.unicast.take(now); next !== undefined; next = incoming.unicast.take(now)) {
      this.delivery.applyUnicast(peer, next);
    }
    this.handshake.completeIfWhole(now, peer);
  }

  /** The record is `plain[start..end)`. */
  receiveBroadcast(now: number, peer: Peer, plain: Buffer, start: number, end: number): void {
    const headerEnd = start + BROADCAST_RECORD_HEADER_BYTES;
    if (headerEnd > end) throw new MalformedDatagramError('a record header is cut off');
    const { incoming } = peer;
    if (!incoming.isAdmitted) return;
    const sequence = plain.readUIntBE(start + 1, 6);
    peer.loss.noteCame();
    this.acks.noteBroadcastRecord(now, peer, plain[start] as number);
    if (!incoming.broadcast.receive(now, sequence, plain.subarray(headerEnd, end))) return;
    this.delivery.applyBroadcast(peer, plain.subarray(headerEnd, end));
    for (let next = incoming.broadcast.take(now); next !== undefined; next = incoming.broadcast.take(now)) {
      this.delivery.applyBroadcast(peer, next);
    }
    this.handshake.completeIfWhole(now, peer);
  }

  /**
   * The volatile message is `plain[start..end)`. It is not acked. A boot that has no session with us may be dead, and its
   * datagram a recording.
   */
  receiveVolatile({ peer, plain, isForPair, packetNumber }: Admitted, start: number, end: number): void {
    const { incoming } = peer;
    if (!incoming.isAdmitted) return;
    if (incoming.noteVolatile(isForPair ? 'pair' : 'broadcast', packetNumber)) {
      this.delivery.applyVolatile(peer, plain, start, end);
    } else {
      this.parts.journal.counters.volatileLate += 1;
    }
  }
}
