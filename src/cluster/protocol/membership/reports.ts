/**
 * The REPORT, a broadcast frame. It says that the node lives, how far its broadcast stream goes, and for every peer which
 * sessions it has with it and what it has applied.
 *
 *   number u32, parts u8, part u8, broadcast sent u48, broadcast kept from u48, window u16, members u16, entries u8, then
 *   entry: peer's tag u48 (first half of its boot id), session in u32, session out u32, broadcast applied u48
 *
 * Rules.
 * - R6: only a new report refreshes liveness. Older numbers are ignored. "Not listed" is known when all parts have come.
 * - R7: a report made after our WELCOME that does not list our session is a mismatch: rejoin.
 * - R8: a peer is mutual when each lists the other's session, it is not late, and nothing that it was sent has waited for
 *   an ack for `deadAfterMs`. The last condition is needed because reports are broadcast: they may arrive where datagrams
 *   to one node do not. A peer that is mutual no more is reported at once; one that never was, after a while.
 * - A PING may ask for a report to the asker alone. So a peer stays alive where broadcast fails.
 */
import type { NodeParts } from '../node-parts.js';
import type { Peer } from '../peers/peer.js';
import type { Acks } from '../transmission/acks.js';
import type { ByteReader } from '../wire/byte-reader.js';
import { FRAME_HEADER_BYTES } from '../wire/byte-writer.js';
import { FRAME_REPORT } from '../wire/frames.js';
import type { Handshake } from './handshake.js';

const REPORT_HEADER_BYTES = FRAME_HEADER_BYTES + 23;
const ENTRY_BYTES = 20;
const ENTRIES_MAX = 255;
/** More parts than any cluster of the supported size makes. */
const PARTS_MAX = 30;

type Parts = Pick<
  NodeParts,
  'broadcast' | 'flow' | 'journal' | 'limits' | 'members' | 'outbox' | 'pace' | 'timing'
>;

export class Reports {
  constructor(
    private readonly parts: Parts,
    private readonly acks: Acks,
    private readonly ownTag: number,
    private readonly handshake: Handshake,
  ) {}

  broadcast(): void {
    this.#write(() => this.parts.outbox.toAll());
  }

  sendTo(peer: Peer): void {
    this.#write(() => this.parts.outbox.toPeer(peer));
  }

  handle(now: number, peer: Peer, reader: ByteReader): void {
    const number = reader.u32();
    const parts = reader.u8();
    const part = reader.u8();
    const sent = reader.u48();
    const keptFrom = reader.u48();
    const window = reader.u16();
    const members = reader.u16();
    const entries = reader.u8();
    if (number < peer.report.number || part >= parts || parts > PARTS_MAX) return;
    if (number > peer.report.number) {
      peer.noteReport(now, number, parts, Math.min(members, this.parts.limits.peersMax));
    }
    if (!peer.isListed) return;
    peer.outgoing.setWindow(window);
    const { incoming } = peer;
    if (incoming.isAdmitted && number > incoming.welcomeReport) {
      incoming.noteBroadcastSent(now, sent);
      this.handshake.completeIfWhole(now, peer);
      if (keptFrom > incoming.broadcast.next) this.handleBroadcastGap(now, peer, keptFrom);
    }
    for (let entry = 0; entry < entries; entry += 1) {
      // Only our own entry concerns us: with 128 members the others would be most of what a report costs.
      if (reader.u48() !== this.ownTag) {
        reader.skip(ENTRY_BYTES - 6);
        continue;
      }
      const sessionIn = reader.u32();
      const sessionOut = reader.u32();
      const applied = reader.u48();
      peer.report.noteListed();
      this.#compare(now, peer, number, sessionIn, sessionOut, applied);
    }
    if (peer.report.notePart(part)) this.#compare(now, peer, number, 0, 0, 0);
  }

  handleBroadcastGap(now: number, peer: Peer, keptFrom: number): void {
    const { incoming } = peer;
    if (!incoming.isAdmitted) return;
    this.handshake.rejoin(
      now,
      peer,
      keptFrom - incoming.broadcast.next,
      'broadcast records can not be repaired any more',
    );
  }

  /** R8, between reports, which are rare in large clusters. */
  judgeAcks(now: number, peer: Peer): void {
    const why = this.#whyUnacked(now, peer);
    if (why !== null) this.#setMutual(peer, why);
  }

  tellNotMutual(peer: Peer, reason: string): void {
    if (peer.mutualStanding.tell()) this.parts.journal.gap(peer, 'not-mutual', null, reason);
  }

  #compare(
    now: number,
    peer: Peer,
    number: number,
    sessionIn: number,
    sessionOut: number,
    applied: number,
  ): void {
    const { incoming, outgoing } = peer;
    if (incoming.isAdmitted && number > incoming.welcomeReport && sessionOut !== incoming.id) {
      this.handshake.rejoin(now, peer, null, 'the peer does not list the session it gave us');
    }
    if (sessionIn !== 0 && sessionIn === outgoing.id) {
      if (this.acks.noteBroadcastAck(now, peer, applied)) this.acks.noteProgress(now, peer);
    }
    this.#setMutual(peer, this.#whyNotMutual(now, peer, sessionIn, sessionOut));
  }

  #whyNotMutual(now: number, peer: Peer, sessionIn: number, sessionOut: number): string | null {
    const { incoming, outgoing } = peer;
    if (sessionOut === 0) return 'the peer does not list us';
    const isListed = incoming.isAdmitted && sessionOut === incoming.id;
    if (!isListed || (sessionIn !== 0 && sessionIn !== outgoing.id)) return 'the peer lists us otherwise';
    if (outgoing.barrierStanding.isLate) return 'the peer has not acked connections that are open';
    return this.#whyUnacked(now, peer);
  }

  #whyUnacked(now: number, { outgoing }: Peer): string | null {
    const { deadAfterMs } = this.parts.timing;
    if (now < outgoing.unackedSince + deadAfterMs) return null;
    return `the peer has not acked what it was sent ${deadAfterMs} ms ago: do datagrams to one host pass both ways?`;
  }

  /** `why`: the reason why it is not mutual; null: it is. */
  #setMutual(peer: Peer, why: string | null): void {
    if (why === null) peer.mutualStanding.agree();
    else if (peer.mutualStanding.differ()) this.parts.journal.gap(peer, 'not-mutual', null, why);
  }

  #write(send: () => void): void {
    const { broadcast, flow, members, outbox, pace } = this.parts;
    const listed = members.all.filter(({ isListed }) => isListed);
    const number = pace.nextReport();
    const room = Math.floor((outbox.writer.capacity - REPORT_HEADER_BYTES) / ENTRY_BYTES);
    const perPart = Math.min(ENTRIES_MAX, room);
    const parts = Math.max(1, Math.ceil(listed.length / perPart));
    for (let part = 0; part < parts; part += 1) {
      const entries = listed.slice(part * perPart, (part + 1) * perPart);
      outbox.writer
        .beginFrame(FRAME_REPORT)
        .u32(number)
        .u8(parts)
        .u8(part)
        .u48(broadcast.nextToSend - 1)
        .u48(broadcast.first)
        .u16(flow.receiveWindow)
        .u16(listed.length + 1)
        .u8(entries.length);
      for (const { tag, incoming, outgoing } of entries) {
        outbox.writer.u48(tag).u32(incoming.listedId).u32(outgoing.id).u48(incoming.broadcastApplied);
      }
      outbox.writer.endFrame();
      send();
    }
  }
}
