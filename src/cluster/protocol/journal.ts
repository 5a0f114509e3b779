/** The record of what happened: events for the driver, counters, refused datagrams. */
import type { GapKind, PeerSnapshot, ProtocolEvent, Rejection } from './contract.js';
import { Fifo } from './fifo.js';
import type { Peer } from './peers/peer.js';

export class Journal {
  readonly events = new Fifo<ProtocolEvent>();
  readonly counters = {
    datagramsReceived: 0,
    messagesSent: 0,
    messagesReceived: 0,
    roomBroadcasts: 0,
    volatileSent: 0,
    volatileDropped: 0,
    volatileReceived: 0,
    volatileLate: 0,
    recordsRepaired: 0,
    recordsRequested: 0,
    directoryHits: 0,
    directoryMisses: 0,
    answersDropped: 0,
  };
  readonly rejected: Record<Rejection, number> = {
    foreign: 0,
    forged: 0,
    left: 0,
    malformed: 0,
    'other-key': 0,
    'other-version': 0,
    replayed: 0,
    'too-many-strangers': 0,
  };

  reject(why: Rejection): void {
    this.rejected[why] += 1;
  }

  gap(peer: Peer, kind: GapKind, count: number | null, reason: string): void {
    this.events.push({ type: 'gap', peer: peer.id, kind, count, reason });
  }

  warn(code: string, message: string): void {
    this.events.push({ type: 'warning', code, message });
  }

  tellPeer(change: 'joined' | 'rejoined' | 'left' | 'lost', peer: PeerSnapshot, reason: string): void {
    this.events.push({ type: 'peer', change, peer, reason });
  }
}
