/**
 * How two boots come to know and trust each other: HELLO and WELCOME, once in each direction.
 *
 *   KNOCK    introduction                        (to an address whose boot id is unknown; broadcast key)
 *   HELLO    nonce u32, last session u32, last delivered u48, introduction
 *   WELCOME  nonce u32, session u32, base u48, report u32, packet number u48, introduction
 *   introduction: oldest version u8, newest version u8, capabilities u32, uptime ms u48, name text, software text
 *
 * Rules.
 * - Everything but KNOCK is sealed for the pair. What opens under that key was made after we booted. But it may
 *   have been held back since, and its sender may be dead. A WELCOME with our current nonce was made after our HELLO.
 *   It proves that its sender lives; nothing else does.
 * - A boot that is only heard of gets a HELLO, and nothing it says counts until it is proven. A recording ends here.
 *   Its HELLO is answered all the same: otherwise two boots that are not proven would wait for each other.
 *   Connections wait for the session that it opens (R11). The session is forgotten if the peer is not proven in time.
 * - Nodes without a common version report that at every first contact, and neither proves the other.
 * - R2: a new nonce opens a new session. The same nonce gets the same WELCOME, every time, also when the session is
 *   closed: otherwise a lost WELCOME would be a deadlock.
 * - R3: what was on the way in the old session moves to the new one exactly as far as the HELLO proves it undelivered.
 * - R7: a gap causes a rejoin, which is the same procedure as first contact. There is no other way to become
 *   consistent.
 */
import type { Endpoint } from '../contract.js';
import type { NodeParts } from '../node-parts.js';
import type { Peer } from '../peers/peer.js';
import type { Acks } from '../transmission/acks.js';
import type { ByteReader } from '../wire/byte-reader.js';
import { PROTOCOL_VERSION } from '../wire/datagram.js';
import {
  CAPABILITY_BROADCAST_ROOMS,
  CAPABILITY_EVERYBODY,
  CAPABILITY_LARGE_DATAGRAMS,
  CAPABILITY_ROOMS,
  CAPABILITY_SHARED_ACKS,
  CAPABILITY_VOLATILE,
  FRAME_HELLO,
  FRAME_KNOCK,
  FRAME_WELCOME,
} from '../wire/frames.js';

/** What this node can do beyond the basics of the version. Two nodes use what both have. */
const CAPABILITIES =
  CAPABILITY_ROOMS |
  CAPABILITY_LARGE_DATAGRAMS |
  CAPABILITY_VOLATILE |
  CAPABILITY_SHARED_ACKS |
  CAPABILITY_EVERYBODY |
  CAPABILITY_BROADCAST_ROOMS;
/** The largest frame of a network. Larger datagrams are a broker's, for which no path is too narrow. */
const PATH_BYTES_MAX = 8_900;
/** HELLOs of many nodes to a newcomer are spread over this time. Otherwise they would be one burst at its socket. */
const HELLO_SPREAD_MS_PER_MEMBER = 0.5;

type Parts = Pick<
  NodeParts,
  | 'broadcast'
  | 'broadcastReview'
  | 'flushQueue'
  | 'journal'
  | 'localAddresses'
  | 'members'
  | 'options'
  | 'outbox'
  | 'pace'
  | 'peersChanged'
  | 'routes'
>;

export class Handshake {
  /** The nonce of the last HELLO with a new nonce. */
  #nonce = 0;
  /** The number of the last session opened. */
  #session = 0;

  constructor(
    private readonly parts: Parts,
    private readonly acks: Acks,
    /** Called when the peer has answered for the first time. */
    private readonly proven: (now: number, peer: Peer) => void,
  ) {}

  /** Asks for a session with a new nonce. The session so far, if any, ends; the HELLO says how far it came. */
  start(now: number, peer: Peer): void {
    const { options, members } = this.parts;
    this.#nonce += 1;
    const spreadMs = options.random() * HELLO_SPREAD_MS_PER_MEMBER * members.size;
    peer.incoming.ask(this.#nonce, now + spreadMs);
    this.parts.peersChanged();
  }

  /** R7. A gap event says at once what may be missed because of it. */
  rejoin(now: number, peer: Peer, missing: number | null, reason: string): void {
    if (!peer.incoming.isAdmitted) return;
    this.parts.journal.gap(peer, 'gap', missing, reason);
    this.start(now, peer);
  }

  sendHello(now: number, peer: Peer): void {
    const { incoming } = peer;
    const { outbox, options } = this.parts;
    incoming.sendHello(now, 0.75 + 0.5 * options.random());
    outbox.writer.beginFrame(FRAME_HELLO).u32(incoming.nonce).u32(incoming.id).u48(incoming.delivered);
    this.#writeIntroduction(now);
    this.#endPadded();
    outbox.toPeer(peer);
  }

  /** R4: called when something has come that may have been the last to lack. What has become stale meanwhile begins anew. */
  completeIfWhole(now: number, peer: Peer): void {
    const { incoming } = peer;
    if (!incoming.isWhole) return;
    incoming.complete();
    this.parts.peersChanged();
    if (incoming.isStale) this.start(now, peer);
  }

  knock(now: number, endpoint: Endpoint): void {
    const { outbox } = this.parts;
    outbox.writer.beginFrame(FRAME_KNOCK);
    this.#writeIntroduction(now);
    outbox.writer.endFrame();
    outbox.toStranger(endpoint);
  }

  handleHello(now: number, peer: Peer, reader: ByteReader): void {
    const nonce = reader.u32();
    const lastSession = reader.u32();
    const lastDelivered = reader.u48();
    if (!this.#readIntroduction(now, peer, reader)) return;
    const { outgoing } = peer;
    const answered = outgoing.welcome.nonce;
    if (nonce < answered) return;
    if (nonce > answered) this.#openSession(now, peer, nonce, lastSession, lastDelivered);
    this.#sendWelcome(now, peer);
    this.parts.flushQueue.add(peer);
  }

  handleWelcome(now: number, peer: Peer, reader: ByteReader): void {
    const nonce = reader.u32();
    const session = reader.u32();
    const base = reader.u48();
    const report = reader.u32();
    const packetNumber = reader.u48();
    const { incoming } = peer;
    if (incoming.state !== 'asking' || nonce !== incoming.nonce) return;
    if (!this.#readIntroduction(now, peer, reader)) return;
    if (!peer.isProven) {
      peer.prove(now);
      this.proven(now, peer);
    }
    const isRejoin = incoming.id !== 0;
    const skipped = incoming.admit(now, session, base, report);
    if (skipped > 0)
      this.parts.journal.gap(peer, 'gap', skipped, 'broadcast records passed between two sessions');
    peer.keys.broadcast.window.raiseFloor(packetNumber);
    peer.noteAnswer(now);
    this.parts.routes.renewReplica(now, peer);
    this.parts.peersChanged();
    this.parts.journal.tellPeer(
      isRejoin ? 'rejoined' : 'joined',
      peer.snapshot(now),
      'it answered our hello',
    );
    this.acks.sendStatus(now, peer);
  }

  #openSession(now: number, peer: Peer, nonce: number, lastSession: number, lastDelivered: number): void {
    const { outgoing } = peer;
    const { broadcast, outbox, localAddresses } = this.parts;
    const old = outgoing.id;
    const delivered = old !== 0 && lastSession === old ? lastDelivered : 0;
    const isSentKept = old === 0 || lastSession !== 0;
    const dropped = outgoing.stream.restart(now, delivered, isSentKept);
    if (dropped.records > 0) {
      this.parts.journal.gap(peer, 'lost', dropped.userMessages, 'the peer has forgotten our last session');
    }
    this.#session += 1;
    // The open record is closed, so that the snapshot has what was announced in this turn. If there was no peer to
    // wait for, those connections are reachable already.
    broadcast.close(now);
    const welcome = {
      nonce,
      session: this.#session,
      base: broadcast.nextSequence - 1,
      report: this.parts.pace.reports,
      packetNumber: outbox.broadcastPacketNumber,
    };
    outgoing.open(welcome, localAddresses.announcedUpTo(welcome.base));
    this.parts.broadcastReview.request();
    this.parts.pace.noteNews();
  }

  #sendWelcome(now: number, peer: Peer): void {
    const { nonce, session, base, report, packetNumber } = peer.outgoing.welcome;
    const { outbox } = this.parts;
    outbox.writer.beginFrame(FRAME_WELCOME).u32(nonce).u32(session).u48(base).u32(report).u48(packetNumber);
    this.#writeIntroduction(now);
    this.#endPadded();
    outbox.toPeer(peer);
  }

  /** Pads the datagram, so that a path that is too narrow shows at once. */
  #endPadded(): void {
    const { options, outbox } = this.parts;
    outbox.writer.endFrame();
    if (options.datagramBytes <= PATH_BYTES_MAX) outbox.writer.pad();
  }

  #writeIntroduction(now: number): void {
    const { nodeName, startedAt, version } = this.parts.options;
    this.parts.outbox.writer
      .u8(PROTOCOL_VERSION)
      .u8(PROTOCOL_VERSION)
      .u32(CAPABILITIES)
      .u48(Math.max(0, Math.floor(now - startedAt)))
      .text(nodeName)
      .text(version);
  }

  /** Returns false if the two have no version of the protocol in common. */
  #readIntroduction(now: number, peer: Peer, reader: ByteReader): boolean {
    const oldest = reader.u8();
    const newest = reader.u8();
    const capabilities = reader.u32();
    const uptimeMs = reader.u48();
    const name = reader.text();
    const version = reader.text();
    if (oldest > PROTOCOL_VERSION || newest < PROTOCOL_VERSION) {
      if (peer.refuse()) {
        this.parts.journal.warn(
          'protocol-version',
          `Node ${name} at ${peer.endpoint} (${version}) speaks protocol versions ${oldest} to ${newest}, not ` +
            `${PROTOCOL_VERSION}: it is ignored. Upgrade one version at a time.`,
        );
      }
      return false;
    }
    peer.introduce(name, version, capabilities, now - uptimeMs);
    return true;
  }
}
