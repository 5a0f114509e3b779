import { createHash, timingSafeEqual } from 'node:crypto';

/**
 * The keys of the HTTP API. Their hashes are kept and compared, all of them every time. So the time that it takes
 * does not tell how much of a key was right, or how long the keys are.
 */
export class ApiKeys {
  readonly #hashes: readonly Buffer[];

  constructor(keys: readonly string[]) {
    this.#hashes = keys.map(hash);
  }

  get isEmpty(): boolean {
    return this.#hashes.length === 0;
  }

  /** The index of the key, which identifies it without revealing it; -1: there is no such key. */
  find(candidate: string): number {
    const hashed = hash(candidate);
    let found = -1;
    for (const [index, known] of this.#hashes.entries()) if (timingSafeEqual(known, hashed)) found = index;
    return found;
  }
}

function hash(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
