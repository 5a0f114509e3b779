/**
 * The addresses that this node holds for its connections, as their hashes, in the order in which they were announced.
 *
 * R1: connections are counted per hash, not per address: two addresses of one hash are one entry, and neither's leaving
 * erases the other. `announcedIn` is the broadcast record that carries the announcement. An address that lingers is held
 * by no connection any more, and is not withdrawn yet. A Map keeps insertion order and lets a snapshot walk it while it
 * changes, which is all a snapshot needs (R5).
 *
 * What lingers is a Map too, and its first entry is the next to end. A new iterator would begin each time at the places of
 * all entries that were removed before it, so one iterator is kept.
 */
import { assert } from '../errors.js';

export interface LocalAddress {
  connections: number;
  readonly announcedIn: number;
}

export class LocalAddresses {
  readonly #byHash = new Map<number, LocalAddress>();
  /** Until when each lingers. All linger equally long, so the first is the next to end. */
  readonly #lingering = new Map<number, number>();
  #oldest: IterableIterator<[key: number, until: number]> | null = null;
  /** The last entry that the iterator gave; it may have been removed since. */
  #next: readonly [key: number, until: number] | null = null;

  get lingering(): number {
    return this.#lingering.size;
  }

  /** When the next stops lingering; Infinity: none lingers. */
  get lingersUntil(): number {
    return this.#nextToEnd?.[1] ?? Infinity;
  }

  /** The entry, with one connection more; undefined: the address is new and must be announced with `announce`. */
  addConnection(key: number): LocalAddress | undefined {
    const address = this.#byHash.get(key);
    if (address === undefined) return undefined;
    address.connections += 1;
    this.#lingering.delete(key);
    return address;
  }

  announce(key: number, announcedIn: number): LocalAddress {
    assert(!this.#byHash.has(key), 'an address is announced once');
    const address: LocalAddress = { connections: 1, announcedIn };
    this.#byHash.set(key, address);
    return address;
  }

  /** True: that was the last connection. The address is to linger, or to be withdrawn. */
  removeConnection(key: number): boolean {
    const address = this.#byHash.get(key);
    assert(address !== undefined && address.connections > 0, 'a connection that leaves has joined');
    address.connections -= 1;
    return address.connections === 0;
  }

  /** The address that has lingered longest, and until when. */
  get #nextToEnd(): readonly [key: number, until: number] | null {
    while (this.#next === null || this.#lingering.get(this.#next[0]) !== this.#next[1]) {
      this.#oldest ??= this.#lingering.entries();
      const { value } = this.#oldest.next();
      this.#next = value ?? null;
      if (this.#next !== null) continue;
      // an iterator that has ended stays so, also when something is added
      this.#oldest = null;
      return null;
    }
    return this.#next;
  }

  linger(key: number, until: number): void {
    this.#lingering.set(key, until);
  }

  /** The address that has lingered longest, now withdrawn. */
  withdrawOldest(): number {
    const next = this.#nextToEnd;
    assert(next !== null, 'an address lingers');
    const [key] = next;
    this.withdraw(key);
    return key;
  }

  withdraw(key: number): void {
    this.#byHash.delete(key);
    this.#lingering.delete(key);
  }

  /** The hashes announced in broadcast records up to `base`, lazily: later changes show as the walk goes on. */
  *announcedUpTo(base: number): Generator<number, void> {
    for (const [key, address] of this.#byHash) {
      if (address.announcedIn > base) return;
      yield key;
    }
  }
}
