/** Hands each frame of an opened datagram to the part of the node that owns it. */
import type { Departure } from './departure.js';
import { MalformedDatagramError } from './errors.js';
import type { Admitted } from './membership/admission.js';
import type { Discovery } from './membership/discovery.js';
import type { Handshake } from './membership/handshake.js';
import type { Membership } from './membership/membership.js';
import type { Pings } from './membership/pings.js';
import type { Reports } from './membership/reports.js';
import type { Peer } from './peers/peer.js';
import type { Reception } from './routing/reception.js';
import type { Acks } from './transmission/acks.js';
import type { PathProbes } from './transmission/path-probes.js';
import type { Repairs } from './transmission/repairs.js';
import { ByteReader } from './wire/byte-reader.js';
import { FRAME_HEADER_BYTES } from './wire/byte-writer.js';
import {
  FRAME_ACKS,
  FRAME_GOSSIP,
  FRAME_HELLO,
  FRAME_KNOCK,
  FRAME_LEAVE,
  FRAME_NACK,
  FRAME_PING,
  FRAME_POLL,
  FRAME_PONG,
  FRAME_PROBE,
  FRAME_PROBED,
  FRAME_RECORD_BROADCAST,
  FRAME_RECORD_UNICAST,
  FRAME_REPORT,
  FRAME_STATUS,
  FRAME_VOLATILE,
  FRAME_WELCOME,
} from './wire/frames.js';

export interface FrameOwners {
  readonly acks: Acks;
  readonly departure: Departure;
  readonly discovery: Discovery;
  readonly handshake: Handshake;
  readonly membership: Membership;
  readonly pings: Pings;
  readonly probes: PathProbes;
  readonly reception: Reception;
  readonly repairs: Repairs;
  readonly reports: Reports;
}

export class FrameDispatch {
  constructor(private readonly owners: FrameOwners) {}

  /** @throws MalformedDatagramError */
  handleFrames(now: number, datagram: Admitted): void {
    const { reception } = this.owners;
    const { peer, plain, isForPair } = datagram;
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
        if (isForPair) reception.receiveUnicast(now, peer, plain, start, next);
      } else if (type === FRAME_RECORD_BROADCAST) {
        reception.receiveBroadcast(now, peer, plain, start, next);
      } else if (type === FRAME_VOLATILE) {
        reception.receiveVolatile(datagram, start, next);
      } else {
        const reader = new ByteReader(plain, start, next);
        if (isForPair) this.#handlePairFrame(now, peer, type, reader);
        else this.#handleOpenFrame(now, peer, type, reader);
      }
      at = next;
    }
    if (at !== end) throw new MalformedDatagramError('a frame header is cut off');
  }

  /** A frame under the broadcast key. It may come from a boot that is not proven. */
  #handleOpenFrame(now: number, peer: Peer, type: number, reader: ByteReader): void {
    const { acks, discovery, membership } = this.owners;
    switch (type) {
      case FRAME_ACKS:
        acks.handleAcks(now, peer, reader);
        break;
      case FRAME_REPORT:
        this.#handleReport(now, peer, reader);
        break;
      case FRAME_KNOCK:
        // Admission has met the boot already. What else the KNOCK says may come from a recording.
        break;
      case FRAME_GOSSIP:
        if (peer.incoming.isAdmitted) discovery.handleGossip(now, reader);
        break;
      case FRAME_LEAVE:
        membership.drop(now, peer, 'left', 'it said good-bye');
        break;
      default:
    }
  }

  #handlePairFrame(now: number, peer: Peer, type: number, reader: ByteReader): void {
    const { acks, discovery, handshake, pings, probes, repairs } = this.owners;
    switch (type) {
      case FRAME_HELLO:
        handshake.handleHello(now, peer, reader);
        break;
      case FRAME_WELCOME:
        handshake.handleWelcome(now, peer, reader);
        break;
      case FRAME_STATUS:
        acks.handleStatus(now, peer, reader);
        break;
      case FRAME_NACK:
        repairs.handleNack(now, peer, reader);
        break;
      case FRAME_POLL:
        acks.handlePoll(now, peer, reader);
        break;
      case FRAME_PING:
        pings.handlePing(peer, reader);
        break;
      case FRAME_PONG:
        pings.handlePong(now, peer, reader);
        break;
      case FRAME_PROBE:
        probes.handleProbe(peer, reader);
        break;
      case FRAME_PROBED:
        probes.handleProbed(now, peer, reader);
        break;
      case FRAME_REPORT:
        this.#handleReport(now, peer, reader);
        break;
      case FRAME_GOSSIP:
        discovery.handleGossip(now, reader);
        break;
      default:
    }
  }

  #handleReport(now: number, peer: Peer, reader: ByteReader): void {
    // A peer that has heard our good-bye does not list us any more. That is no reason to rejoin.
    if (!this.owners.departure.isTold) this.owners.reports.handle(now, peer, reader);
  }
}
