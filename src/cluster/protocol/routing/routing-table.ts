/**
 * Which peers a message to a user goes to (R9): those whose complete replica holds the user, and those whose replica is not
 * complete. A user's hash is looked up once for each secret that some peer seals with.
 */
import { Directory } from '../directory/directory.js';
import { UserHasher } from '../directory/user-hash.js';
import { assert } from '../errors.js';
import type { Members } from '../peers/members.js';
import type { Peer } from '../peers/peer.js';
import type { Timer } from '../timers.js';

/** Between two portions of sweeping the directory. */
const SWEEP_INTERVAL_MS = 2;
/** Segments of the directory swept at a time: well under a millisecond of work. */
const SWEEP_SEGMENTS = 16;

export class RoutingTable {
  readonly directory = new Directory();
  /** One per secret: a peer's users are hashed with the secret it seals with. */
  readonly #hashers: readonly UserHasher[];
  /** Whose replica a directory slot is; null: retired. */
  readonly #slotOwners: (Peer | null)[] = [];
  /** Proven peers whose users are not fully known. */
  #incompletePeers: readonly Peer[] = [];
  /** How many proven peers seal with each secret. */
  readonly #peersOfSecret: number[];
  readonly #slots: number[] = [];

  constructor(
    hashKeys: readonly Buffer[],
    private readonly members: Members,
    private readonly sweepTimer: Timer,
  ) {
    this.#hashers = hashKeys.map((key) => new UserHasher(key));
    this.#peersOfSecret = hashKeys.map(() => 0);
  }

  /** Of our own users, as we announce them. */
  get ownHasher(): UserHasher {
    return this.#hashers[0] as UserHasher;
  }

  sweep(now: number): void {
    this.directory.sweep(SWEEP_SEGMENTS);
    this.#setSweep(now);
  }

  /** Fills `holders` with those to whom a message to the user goes, and returns how many there are. */
  locate(to: string, holders: Peer[]): number {
    const slots = this.#find(to);
    let count = 0;
    for (let index = 0; index < slots; index += 1) {
      const peer = this.#slotOwners[this.#slots[index] as number];
      if (peer === null || peer === undefined || !peer.incoming.isComplete) continue;
      holders[count] = peer;
      count += 1;
    }
    for (const peer of this.#incompletePeers) {
      holders[count] = peer;
      count += 1;
    }
    return count;
  }

  /** Those whose replica holds the user, whether it is complete or not. */
  holdersOf(userId: string): Peer[] {
    const owners = this.#slots.slice(0, this.#find(userId)).map((slot) => this.#slotOwners[slot]);
    return owners.filter((peer) => peer !== null && peer !== undefined);
  }

  /** Every proven peer's users are fully known. */
  get isExact(): boolean {
    return this.members.all.every(({ isProven, incoming }) => !isProven || incoming.isExact);
  }

  /** A peer was proven, admitted or completed, rejoins, or has gone. */
  refresh(): void {
    const proven = this.members.all.filter(({ isProven }) => isProven);
    this.#incompletePeers = proven.filter(({ incoming }) => !incoming.isComplete);
    this.#peersOfSecret.fill(0);
    for (const { keys } of proven) {
      this.#peersOfSecret[keys.secret] = (this.#peersOfSecret[keys.secret] as number) + 1;
    }
  }

  /** A replica that is empty: R4. */
  renewReplica(now: number, peer: Peer): void {
    this.retireReplica(now, peer);
    const slot = peer.incoming.replica.renew();
    // Taking a slot may have swept all of the directory.
    if (!this.directory.isSweepDue) this.sweepTimer.cancel();
    assert((this.#slotOwners[slot] ?? null) === null, 'a slot has one owner');
    this.#slotOwners[slot] = peer;
  }

  retireReplica(now: number, peer: Peer): void {
    const { replica } = peer.incoming;
    if (replica.slot === 0) return;
    this.#slotOwners[replica.slot] = null;
    replica.retire();
    if (!this.sweepTimer.isSet) this.#setSweep(now);
  }

  /** Fills `#slots` with those that hold the user, and returns how many there are. */
  #find(userId: string): number {
    const hashers = this.#hashers;
    let slots = 0;
    for (let secret = 0; secret < hashers.length; secret += 1) {
      if (this.#peersOfSecret[secret] === 0) continue;
      const hasher = hashers[secret] as UserHasher;
      hasher.hash(userId);
      slots = this.directory.holders(hasher.low, hasher.high, this.#slots, slots);
    }
    return slots;
  }

  #setSweep(now: number): void {
    this.sweepTimer.set(this.directory.isSweepDue ? now + SWEEP_INTERVAL_MS : Infinity);
  }
}
