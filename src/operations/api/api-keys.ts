import { createHash, timingSafeEqual } from 'node:crypto';

/**
 * The keys of the HTTP API. What is kept and compared are hashes, all of them every time: how long it takes tells
 * neither how much of a key was right nor how long keys are.
 */
export class ApiKeys {
  readonly #hashes: readonly Buffer[];

  constructor(keys: readonly string[]) {
    this.#hashes = keys.map(hash);
  }

  get isEmpty(): boolean {
    return this.#hashes.length === 0;
  }

  /** The index of the key, which names it without telling it; -1 when it is none. */
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
