/**
 * The addresses that the layer above watches. It is told when the first node begins to hold one, and when the last node
 * does not hold it any more.
 *
 * Nothing is sent for it: a watch is a look at the directory. A change of one hash is looked at when it is made. When a
 * whole replica is retired (its peer rejoins, or has gone), every watch is looked at again, a portion at a time.
 *
 * A watch has one key for each secret, because peers hash with the secret that they seal with.
 */
import type { Address } from '../contract.js';
import { assert } from '../errors.js';
import type { Timer } from '../timers.js';
import type { Directory } from './directory.js';
import { highOf, lowOf } from './name-hash.js';

/** The pause between two portions of a recheck, and how many watches a portion has: some 2 ms of work. */
const RECHECK_INTERVAL_MS = 2;
const RECHECK_WATCHES = 4_096;

interface Watch {
  readonly address: Address;
  readonly keys: readonly number[];
  /** How often it was asked for. */
  count: number;
  isHeld: boolean;
}

export class Watches {
  readonly #byName = new Map<string, Watch>();
  /** Two addresses of one hash are watched under one key. */
  readonly #byKey = new Map<number, Watch[]>();
  /** Where the recheck goes on, and how many watches it has still to look at. */
  #cursor: Iterator<Watch> = this.#byName.values();
  #unchecked = 0;

  constructor(
    private readonly directory: Directory,
    private readonly recheckTimer: Timer,
    private readonly changed: (address: Address, isHeld: boolean) => void,
  ) {}

  /** @param keys the hashes of the address, one for each secret */
  add(address: Address, keys: readonly number[]): void {
    const name = nameOf(address);
    const present = this.#byName.get(name);
    if (present !== undefined) {
      present.count += 1;
      return;
    }
    const watch: Watch = { address, keys, count: 1, isHeld: this.#isHeld(keys) };
    this.#byName.set(name, watch);
    for (const key of keys) {
      const others = this.#byKey.get(key);
      if (others === undefined) this.#byKey.set(key, [watch]);
      else others.push(watch);
    }
  }

  remove(address: Address): void {
    const name = nameOf(address);
    const watch = this.#byName.get(name);
    assert(watch !== undefined, 'a watch that ends has begun');
    watch.count -= 1;
    if (watch.count > 0) return;
    this.#byName.delete(name);
    for (const key of watch.keys) {
      const others = (this.#byKey.get(key) as Watch[]).filter((other) => other !== watch);
      if (others.length === 0) this.#byKey.delete(key);
      else this.#byKey.set(key, others);
    }
  }

  /** A peer began or ceased to hold the address with this hash. */
  noteChange(key: number): void {
    if (this.#byKey.size === 0) return;
    for (const watch of this.#byKey.get(key) ?? []) this.#look(watch);
  }

  /** A replica was retired. All watches are looked at again, those first that a recheck under way has not reached. */
  noteRetired(now: number): void {
    this.#unchecked = this.#byName.size;
    if (this.#unchecked > 0) this.recheckTimer.setIfSooner(now + RECHECK_INTERVAL_MS);
  }

  /** Looks at the next portion. */
  recheck(now: number): void {
    const portion = Math.min(this.#unchecked, RECHECK_WATCHES);
    for (let count = 0; count < portion; count += 1) {
      const watch = this.#next();
      if (watch === undefined) break;
      this.#look(watch);
    }
    this.#unchecked -= portion;
    this.recheckTimer.set(this.#unchecked > 0 ? now + RECHECK_INTERVAL_MS : Infinity);
  }

  /** The watches in turn; behind the last comes the first. Undefined: there are none. */
  #next(): Watch | undefined {
    const { done, value } = this.#cursor.next();
    if (done !== true) return value;
    this.#cursor = this.#byName.values();
    const first = this.#cursor.next();
    return first.done === true ? undefined : first.value;
  }

  #look(watch: Watch): void {
    const isHeld = this.#isHeld(watch.keys);
    if (isHeld === watch.isHeld) return;
    watch.isHeld = isHeld;
    this.changed(watch.address, isHeld);
  }

  #isHeld(keys: readonly number[]): boolean {
    return keys.some((key) => this.directory.isHeld(lowOf(key), highOf(key)));
  }
}

function nameOf({ kind, name }: Address): string {
  return `${kind} ${name}`;
}
