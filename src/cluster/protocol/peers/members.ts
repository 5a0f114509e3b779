/**
 * Every boot that we know of, and tombstones of those that were dropped.
 *
 * A dropped boot leaves a tombstone: the newest packet numbers that we had of it. If the boot is heard again (after a
 * partition), only newer datagrams count, and old recordings are refused. Tombstones do not expire. Their number is
 * limited, and the oldest are removed first.
 */
import { MalformedDatagramError } from '../errors.js';
import { FormerSessions } from './former-sessions.js';
import type { Peer } from './peer.js';

export interface Tombstone {
  readonly rest: number;
  readonly broadcastFloor: number;
  readonly pairFloor: number;
  readonly droppedAt: number;
  /** It has left. What other peers tell of it does not bring it back. */
  readonly hasLeft: boolean;
  /** Sessions of ours that it may still be in. */
  readonly sessions: readonly number[];
}

/** A boot that is met anew and dropped again and again may be in any of its sessions. So many are noted. */
const SESSIONS_MAX = 8;

export class Members {
  readonly formerSessions = new FormerSessions();
  readonly #byTag = new Map<number, Peer>();
  readonly #byId = new Map<string, Peer>();
  readonly #tombstones = new Map<number, Tombstone>();
  /** In the order in which they were met. The array is replaced, never changed, so that loops may drop members. */
  #all: readonly Peer[] = [];
  #indices = 0;
  /**
   * The highest packet number that was used with the key of any dropped peer. A boot that comes back has the same key
   * as before. Its tombstone may be gone by then, so every new channel starts above this number.
   */
  #pairNumbersUsed = 0;

  constructor(private readonly tombstonesMax: number) {}

  get all(): readonly Peer[] {
    return this.#all;
  }

  get size(): number {
    return this.#all.length;
  }

  /** Those that are only heard of. */
  get heard(): number {
    return this.#all.reduce((sum, { isProven }) => sum + (isProven ? 0 : 1), 0);
  }

  get pairNumbersUsed(): number {
    return this.#pairNumbersUsed;
  }

  nextIndex(): number {
    this.#indices += 1;
    return this.#indices;
  }

  find(tag: number, rest: number): Peer | undefined {
    const peer = this.#byTag.get(tag);
    if (peer === undefined || peer.rest === rest) return peer;
    throw new MalformedDatagramError('two boots with the same first half of their ids');
  }

  withTag(tag: number): Peer | undefined {
    return this.#byTag.get(tag);
  }

  withId(id: string): Peer | undefined {
    return this.#byId.get(id);
  }

  tombstone(tag: number, rest: number): Tombstone | undefined {
    const tombstone = this.#tombstones.get(tag);
    return tombstone?.rest === rest ? tombstone : undefined;
  }

  add(peer: Peer): void {
    const sessions = this.tombstone(peer.tag, peer.rest)?.sessions ?? [];
    peer.outgoing.meetAnew(sessions);
    for (const id of sessions) this.formerSessions.add(Infinity, id);
    this.#tombstones.delete(peer.tag);
    this.#byTag.set(peer.tag, peer);
    this.#byId.set(peer.id, peer);
    this.#all = [...this.#byTag.values()];
  }

  /** It has acked something in its present session, so it is in no former one. */
  leaveFormerSessions({ outgoing }: Peer): void {
    for (const id of outgoing.former) this.formerSessions.remove(id);
    outgoing.leaveFormer();
  }

  remove(now: number, peer: Peer, hasLeft: boolean): void {
    peer.drop();
    const { former, id, isOpen } = peer.outgoing;
    const sessions = (isOpen ? [...former, id] : former).slice(-SESSIONS_MAX);
    for (const session of sessions) this.formerSessions.add(now, session);
    this.#pairNumbersUsed = Math.max(this.#pairNumbersUsed, peer.keys.sealing.packetNumber);
    this.#byTag.delete(peer.tag);
    this.#byId.delete(peer.id);
    this.#all = [...this.#byTag.values()];
    this.#tombstones.set(peer.tag, {
      rest: peer.rest,
      broadcastFloor: peer.keys.broadcast.window.newest,
      pairFloor: peer.keys.pair.window.newest,
      droppedAt: now,
      hasLeft,
      sessions,
    });
    for (const tag of this.#tombstones.keys()) {
      if (this.#tombstones.size <= this.tombstonesMax) break;
      this.#tombstones.delete(tag);
    }
  }
}
