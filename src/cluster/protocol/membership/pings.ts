/**
 * PING and PONG. They measure the round trip, and ask a silent peer for a report.
 *
 *   PING  token u32, flags u8 (bit 0: a report is wanted)
 *   PONG  token u32
 */
import type { NodeParts } from '../node-parts.js';
import type { Peer } from '../peers/peer.js';
import type { ByteReader } from '../wire/byte-reader.js';
import { FRAME_PING, FRAME_PONG } from '../wire/frames.js';
import type { Reports } from './reports.js';

const WANTS_REPORT = 1;

export class Pings {
  constructor(
    private readonly parts: Pick<NodeParts, 'outbox'>,
    private readonly reports: Reports,
  ) {}

  measure(now: number, peer: Peer): void {
    this.#send(now, peer, 0);
  }

  askForReport(now: number, peer: Peer): void {
    this.#send(now, peer, WANTS_REPORT);
  }

  handlePing(peer: Peer, reader: ByteReader): void {
    const token = reader.u32();
    const flags = reader.u8();
    this.parts.outbox.writer.beginFrame(FRAME_PONG).u32(token).endFrame();
    this.parts.outbox.toPeer(peer);
    if ((flags & WANTS_REPORT) !== 0) this.reports.sendTo(peer);
  }

  handlePong(now: number, peer: Peer, reader: ByteReader): void {
    peer.roundTrip.end(now, reader.u32());
  }

  #send(now: number, peer: Peer, flags: number): void {
    this.parts.outbox.writer.beginFrame(FRAME_PING).u32(peer.roundTrip.begin(now)).u8(flags).endFrame();
    this.parts.outbox.toPeer(peer);
  }
}
