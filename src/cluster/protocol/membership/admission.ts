/**
 * Finds the peer that sent a datagram. Checks which boot sent it, that it opens, and that it is new.
 *
 * Rules.
 * - Cheap checks come first: shape, key tag, own boot id, replay window. Only then a key, only then decryption.
 * - An unknown boot costs a key derivation. A token bucket limits how many of them forged boot ids can cause.
 * - Nothing is committed (window, peer, address) before the tag has proved the datagram genuine.
 * - Only the newest datagram of a boot can change its endpoint. An old one that is played back from elsewhere does not.
 */
import type { Arrival, Endpoint, Rejection } from '../contract.js';
import { Replica } from '../directory/replica.js';
import type { NodeParts } from '../node-parts.js';
import { IncomingSession } from '../peers/incoming-session.js';
import { OutgoingSession } from '../peers/outgoing-session.js';
import { PathSize } from '../peers/path-size.js';
import { PeerTimers } from '../peers/peer-timers.js';
import { Peer } from '../peers/peer.js';
import { VolatileQueue } from '../streams/volatile-queue.js';
import {
  DATAGRAM_OVERHEAD_BYTES,
  PROTOCOL_BYTE,
  isOfOtherVersion,
  isSealedForPair,
  keyTagOf,
  packetNumberOf,
  restOfBootId,
  senderBootIdOf,
  senderRestOf,
  senderTagOf,
  tagOfBootId,
} from '../wire/datagram.js';
import { OpeningChannel, SealingChannel } from '../wire/sealing.js';

/** Strangers cause at most one log line of each kind in this time, whatever they send. */
const STRANGERS_TOLD_EVERY_MS = 60_000;

export interface Admitted {
  readonly peer: Peer;
  readonly plain: Buffer;
  readonly isForPair: boolean;
  readonly packetNumber: number;
}

type Parts = Pick<
  NodeParts,
  | 'journal'
  | 'keyring'
  | 'limits'
  | 'members'
  | 'options'
  | 'pace'
  | 'pathSizes'
  | 'recordBytes'
  | 'routes'
  | 'timing'
>;

export class Admission {
  readonly #ownTag: number;
  readonly #ownRest: number;
  readonly #own: OpeningChannel;
  #unknownBoots: number;
  #refilledAt: number;
  #versionToldAt = -Infinity;
  #keyToldAt = -Infinity;

  constructor(
    private readonly parts: Parts,
    private readonly handlers: {
      /** Whether a datagram of our own from there is of use now. To open all of them would cost too much. */
      readonly listensForItself: (now: number, arrival: Arrival, source: Endpoint) => boolean;
      readonly heardOurselves: (now: number, arrival: Arrival, source: Endpoint) => void;
      /** The peer is known now, but only heard of. */
      readonly met: (now: number, peer: Peer) => void;
    },
  ) {
    this.#ownTag = tagOfBootId(parts.options.bootId);
    this.#ownRest = restOfBootId(parts.options.bootId);
    this.#own = new OpeningChannel(parts.keyring, 0, parts.options.bootId, null, 0);
    this.#unknownBoots = parts.limits.unknownBootBurst;
    this.#refilledAt = parts.options.startedAt;
  }

  get ownTag(): number {
    return this.#ownTag;
  }

  isOwn(tag: number, rest: number): boolean {
    return tag === this.#ownTag && rest === this.#ownRest;
  }

  admit(now: number, arrival: Arrival, bytes: Buffer, source: Endpoint): Admitted | null {
    const { parts } = this;
    if (bytes.length < DATAGRAM_OVERHEAD_BYTES) return this.#refuse('foreign');
    if (isOfOtherVersion(bytes)) return this.#refuseVersion(now, bytes, source);
    if (bytes[0] !== PROTOCOL_BYTE) return this.#refuse('foreign');
    const secret = parts.keyring.secretWithTag(keyTagOf(bytes));
    if (secret < 0) return this.#refuseKey(now, source);
    const tag = senderTagOf(bytes);
    const rest = senderRestOf(bytes);
    if (this.isOwn(tag, rest)) {
      if (this.handlers.listensForItself(now, arrival, source))
        this.#admitOwn(now, arrival, bytes, secret, source);
      return null;
    }
    const isForPair = isSealedForPair(bytes);
    const known = parts.members.find(tag, rest);
    const peer = known ?? this.#makePeer(now, senderBootIdOf(bytes), secret, source);
    if (peer === null) return null;
    if (peer.keys.secret !== secret) return this.#refuse('other-key');
    const channel = isForPair ? peer.keys.pair : peer.keys.broadcast;
    const number = packetNumberOf(bytes);
    if (!channel.window.wouldAccept(number)) return this.#refuse('replayed');
    const plain = channel.open(number, bytes);
    if (plain === null) return this.#refuse('forged');
    peer.hear(now, source, channel.window.accept(number));
    if (known === undefined) {
      parts.members.add(peer);
      this.handlers.met(now, peer);
    }
    return { peer, plain, isForPair, packetNumber: number };
  }

  /** Anybody can put our boot id into a datagram. It is ours if it opens and is new. */
  #admitOwn(now: number, arrival: Arrival, bytes: Buffer, secret: number, source: Endpoint): void {
    const number = packetNumberOf(bytes);
    if (secret !== 0 || isSealedForPair(bytes) || !this.#own.window.wouldAccept(number)) return;
    if (this.#own.open(number, bytes) === null) {
      this.parts.journal.reject('forged');
      return;
    }
    this.#own.window.accept(number);
    this.handlers.heardOurselves(now, arrival, source);
  }

  /** A peer told us of a boot. It is only named, and gets a HELLO. */
  meetByHearsay(now: number, bootId: Buffer, secret: number, endpoint: Endpoint): void {
    const tag = tagOfBootId(bootId);
    const rest = restOfBootId(bootId);
    if (this.isOwn(tag, rest)) return;
    const known = this.parts.members.withTag(tag);
    if (known !== undefined) {
      if (known.rest === rest) known.noteHearsay(now, endpoint);
      return;
    }
    const tombstone = this.parts.members.tombstone(tag, rest);
    const deadAfterMs = this.parts.pace.deadAfterMs(0);
    // Peers name a boot for `silentAfterMs` after they heard it last, and they may have heard it until we dropped it.
    // So what they say in that time is old. The rest of the time allows for a node that slept in between. A boot that
    // we hear ourselves does not need to be named.
    if (tombstone !== undefined && (tombstone.hasLeft || now - tombstone.droppedAt < 2 * deadAfterMs)) return;
    const peer = this.#makePeer(now, bootId, secret, endpoint);
    if (peer === null) return;
    this.parts.members.add(peer);
    this.handlers.met(now, peer);
  }

  #makePeer(now: number, bootId: Buffer, secret: number, endpoint: Endpoint): Peer | null {
    const { keyring, limits, members, options, pathSizes, recordBytes, routes, timing } = this.parts;
    if (!this.#mayDerive(now)) return this.#refuse('too-many-strangers');
    if (members.size >= limits.peersMax + limits.heardMax || members.heard >= limits.heardMax) {
      return this.#refuse('too-many-strangers');
    }
    const tombstone = members.tombstone(tagOfBootId(bootId), restOfBootId(bootId));
    if (tombstone?.hasLeft === true) return this.#refuse('left');
    const timers = new PeerTimers();
    return new Peer(
      bootId,
      members.nextIndex(),
      {
        secret,
        broadcast: new OpeningChannel(keyring, secret, bootId, null, tombstone?.broadcastFloor ?? 0),
        pair: new OpeningChannel(keyring, secret, bootId, options.bootId, tombstone?.pairFloor ?? 0),
        sealing: new SealingChannel(keyring, options.bootId, bootId, members.pairNumbersUsed),
      },
      timers,
      new IncomingSession(
        timing,
        limits.removalsMax,
        options.random,
        timers,
        new Replica(routes.directory, routes.watches),
      ),
      new OutgoingSession(
        recordBytes,
        limits.windowRecordsMin,
        timing,
        timers,
        new PathSize(pathSizes, timing, timers.probe),
        new VolatileQueue(options.datagramBytes - DATAGRAM_OVERHEAD_BYTES),
      ),
      endpoint,
      now,
    );
  }

  #mayDerive(now: number): boolean {
    const { unknownBootBurst, unknownBootsPerSecond } = this.parts.limits;
    const refill = ((now - this.#refilledAt) / 1_000) * unknownBootsPerSecond;
    this.#unknownBoots = Math.min(unknownBootBurst, this.#unknownBoots + refill);
    this.#refilledAt = now;
    if (this.#unknownBoots < 1) return false;
    this.#unknownBoots -= 1;
    return true;
  }

  /** Anybody can send such bytes. They cause a line in the log and nothing else. */
  #refuseVersion(now: number, bytes: Buffer, source: Endpoint): null {
    if (now >= this.#versionToldAt + STRANGERS_TOLD_EVERY_MS) {
      this.#versionToldAt = now;
      this.parts.journal.warn(
        'protocol-version',
        `Datagrams from ${source} begin with ${bytes.toString('hex', 0, 1)}, not ${PROTOCOL_BYTE.toString(16)}: ` +
          'of a version of the protocol that this node can not open. They are ignored. Upgrade one version at a time.',
      );
    }
    return this.#refuse('other-version');
  }

  /** The sender may be a node of ours with a mistyped secret, a node of another cluster, or anybody. */
  #refuseKey(now: number, source: Endpoint): null {
    if (now >= this.#keyToldAt + STRANGERS_TOLD_EVERY_MS) {
      this.#keyToldAt = now;
      this.parts.journal.warn(
        'other-key',
        `Datagrams sealed with another secret or for another CLUSTER_NAME are heard from ${source}. They are ignored. ` +
          'If it is a node of this cluster, compare CLUSTER_SECRET and CLUSTER_NAME; ' +
          'if it is another cluster, a UDP_PORT of its own keeps it away.',
      );
    }
    return this.#refuse('other-key');
  }

  #refuse(why: Rejection): null {
    this.parts.journal.reject(why);
    return null;
  }
}
