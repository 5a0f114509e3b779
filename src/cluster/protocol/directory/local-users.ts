/**
 * The users connected to this node, as their hashes, in the order in which they were announced.
 *
 * R1: devices are counted per hash, not per user: two users of one hash are one entry, and neither's leaving erases
 * the other. 0 -> 1 announces, 1 -> 0 withdraws; the change here and the writing of the announcement are one
 * synchronous step. `announcedIn` is the broadcast record that carries the announcement. A Map keeps insertion order
 * and lets a snapshot walk it while it changes, which is all a snapshot needs (R5).
 */
import { assert } from '../errors.js';

export interface LocalUser {
  devices: number;
  readonly announcedIn: number;
}

export class LocalUsers {
  readonly #byHash = new Map<number, LocalUser>();

  /** The entry, with one device more; undefined: the user is new and must be announced with `announce`. */
  addDevice(key: number): LocalUser | undefined {
    const user = this.#byHash.get(key);
    if (user !== undefined) user.devices += 1;
    return user;
  }

  announce(key: number, announcedIn: number): LocalUser {
    assert(!this.#byHash.has(key), 'a user is announced once');
    const user: LocalUser = { devices: 1, announcedIn };
    this.#byHash.set(key, user);
    return user;
  }

  /** True: that was the last device, and the user must be withdrawn. */
  removeDevice(key: number): boolean {
    const user = this.#byHash.get(key);
    assert(user !== undefined, 'a device that leaves has joined');
    user.devices -= 1;
    if (user.devices > 0) return false;
    this.#byHash.delete(key);
    return true;
  }

  /** The hashes announced in broadcast records up to `base`, lazily: later changes show as the walk goes on. */
  *announcedUpTo(base: number): Generator<number, void> {
    for (const [key, user] of this.#byHash) {
      if (user.announcedIn > base) return;
      yield key;
    }
  }
}
