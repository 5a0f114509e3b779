/**
 * Which peers a message goes to (R9): those whose complete replica holds its address, and those whose replica is not
 * complete. An address's hash is looked up once for each secret that some peer seals with. A peer that does not know of
 * rooms can hold none. It gets no messages to rooms, because it would ignore them without an error.
 */
import type { Address, AddressKind } from '../contract.js';
import type { Directory } from '../directory/directory.js';
import { NameHasher } from '../directory/name-hash.js';
import type { Watches } from '../directory/watches.js';
import { assert } from '../errors.js';
import type { Members } from '../peers/members.js';
import type { Peer } from '../peers/peer.js';
import type { Timer } from '../timers.js';
import type { HashKeys } from '../wire/sealing.js';

/** The pause between two portions of sweeping the directory. */
const SWEEP_INTERVAL_MS = 2;
/** Segments of the directory swept at a time: well under a millisecond of work. */
const SWEEP_SEGMENTS = 16;

type Hashers = Readonly<Record<AddressKind, NameHasher>>;

export class RoutingTable {
  /** Per secret: a peer's addresses are hashed with the secret it seals with. */
  readonly #hashers: readonly Hashers[];
  /** Whose replica a directory slot is; null: retired. */
  readonly #slotOwners: (Peer | null)[] = [];
  /** Proven peers whose addresses are not fully known. */
  #incompletePeers: readonly Peer[] = [];
  /** How many proven peers seal with each secret. */
  readonly #peersOfSecret: number[];
  readonly #slots: number[] = [];
  #broadcastTakers = 0;

  constructor(
    hashKeys: readonly HashKeys[],
    private readonly members: Members,
    readonly directory: Directory,
    readonly watches: Watches,
    private readonly sweepTimer: Timer,
  ) {
    this.#hashers = hashKeys.map(({ user, room, watch }) => ({
      user: new NameHasher(user),
      room: new NameHasher(room),
      watch: new NameHasher(watch),
    }));
    this.#peersOfSecret = hashKeys.map(() => 0);
  }

  /** The hash by which we announce an address of our own. */
  ownKey({ kind, name }: Address): number {
    return (this.#hashers[0] as Hashers)[kind].key(name);
  }

  /** From now on events tell when other nodes begin and cease to hold the address. */
  watch(address: Address): void {
    const keys = this.#hashers.map((hashers) => hashers[address.kind].key(address.name));
    this.watches.add(address, keys);
  }

  /** Each has had its `watch`. */
  unwatch(address: Address): void {
    this.watches.remove(address);
  }

  sweep(now: number): void {
    this.directory.sweep(SWEEP_SEGMENTS);
    this.#setSweep(now);
  }

  /** Fills `holders` with those to whom a message to the address goes, and returns how many there are. */
  locate(kind: AddressKind, name: string, holders: Peer[]): number {
    const slots = this.#find(kind, name);
    let count = 0;
    for (let index = 0; index < slots; index += 1) {
      const peer = this.#slotOwners[this.#slots[index] as number];
      if (peer === null || peer === undefined || !peer.incoming.isComplete || !knows(peer, kind)) continue;
      holders[count] = peer;
      count += 1;
    }
    for (const peer of this.#incompletePeers) {
      if (!knows(peer, kind)) continue;
      holders[count] = peer;
      count += 1;
    }
    return count;
  }

  /** Fills `holders` with those who take messages to everybody, and returns how many there are. */
  locateAll(holders: Peer[]): number {
    const all = this.members.all.filter((peer) => peer.isProven && peer.knowsEverybody);
    for (const [index, peer] of all.entries()) holders[index] = peer;
    return all.length;
  }

  /** Every proven peer takes messages to everybody. */
  get everybodyIsReached(): boolean {
    return this.members.all.every(({ isProven, knowsEverybody }) => !isProven || knowsEverybody);
  }

  /** Those whose replica holds the address, whether it is complete or not. */
  holdersOf({ kind, name }: Address): Peer[] {
    const owners = this.#slots.slice(0, this.#find(kind, name)).map((slot) => this.#slotOwners[slot]);
    return owners.filter((peer) => peer !== null && peer !== undefined);
  }

  /** Peers that take messages to rooms from the broadcast stream. */
  get broadcastTakers(): number {
    return this.#broadcastTakers;
  }

  /** The addresses of every proven peer are fully known. */
  get isComplete(): boolean {
    return this.#incompletePeers.length === 0;
  }

  /** A peer was proven, admitted or completed, rejoins, or has gone. */
  refresh(): void {
    const proven = this.members.all.filter(({ isProven }) => isProven);
    this.#broadcastTakers = proven.filter(({ knowsBroadcastRooms }) => knowsBroadcastRooms).length;
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
    this.watches.noteRetired(now);
    if (!this.sweepTimer.isSet) this.#setSweep(now);
  }

  /** Fills `#slots` with those that hold the address, and returns how many there are. */
  #find(kind: AddressKind, name: string): number {
    const hashers = this.#hashers;
    let slots = 0;
    for (let secret = 0; secret < hashers.length; secret += 1) {
      if (this.#peersOfSecret[secret] === 0) continue;
      const hasher = (hashers[secret] as Hashers)[kind];
      hasher.hash(name);
      slots = this.directory.holders(hasher.low, hasher.high, this.#slots, slots);
    }
    return slots;
  }

  #setSweep(now: number): void {
    this.sweepTimer.set(this.directory.isSweepDue ? now + SWEEP_INTERVAL_MS : Infinity);
  }
}

function knows(peer: Peer, kind: AddressKind): boolean {
  return kind === 'user' || peer.knowsRooms;
}
