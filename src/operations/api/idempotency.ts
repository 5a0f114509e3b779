import { Injectable, Optional } from '@nestjs/common';
import { ApiError } from './api-error.js';

/** How long a request is remembered after it was made. */
export const IDEMPOTENCY_LIFETIME_MS = 5 * 60_000;
/** Beyond this the oldest requests are forgotten early. */
export const IDEMPOTENCY_ENTRIES_MAX = 100_000;
/**
 * Beyond this too: the answer to a batch may have 100 kB and more. This is room for IDEMPOTENCY_ENTRIES_MAX answers
 * to single messages, or for some 600 answers to batches of 1000 users.
 */
export const IDEMPOTENCY_BYTES_MAX = 64 << 20;

/** The memory of an entry besides its text, rounded up: objects, and their place in the map. */
const ENTRY_BYTES = 512;

interface Remembered {
  readonly fingerprint: string;
  /** A promise while the request is under way; then JSON text, whose size is known. */
  answer: Promise<unknown> | Buffer;
  bytes: number;
  readonly forgetAt: number;
}

/**
 * Requests made with an Idempotency-Key, and their answers. A repetition gets the first answer, also while that is
 * still under way. A failed request is forgotten at once, so that it can be made again. This is the memory of one
 * node: a repetition at another node is a new request.
 */
@Injectable()
export class Idempotency {
  /** In the order in which they were made: the oldest are first. */
  readonly #requests = new Map<string, Remembered>();
  #bytes = 0;

  constructor(@Optional() private readonly now: () => number = () => performance.now()) {}

  /**
   * @param key unique within the API key that made the request
   * @param fingerprint equal for equal requests
   * @param request resolves to a JSON value
   * @throws {ApiError} `idempotency_conflict`: the key was used for another request
   */
  async once<T extends object>(
    key: string,
    fingerprint: string,
    request: () => Promise<T>,
  ): Promise<{ answer: T; isRepetition: boolean }> {
    this.#forgetOld();
    const present = this.#requests.get(key);
    if (present !== undefined) {
      if (present.fingerprint !== fingerprint) throw new ApiError('idempotency_conflict');
      return { answer: (await answerOf(present)) as T, isRepetition: true };
    }
    const first = request();
    const bytes = ENTRY_BYTES + key.length + fingerprint.length;
    const entry: Remembered = {
      fingerprint,
      answer: first,
      bytes,
      forgetAt: this.now() + IDEMPOTENCY_LIFETIME_MS,
    };
    this.#requests.set(key, entry);
    this.#bytes += bytes;
    this.#makeRoom();
    try {
      const answer = await first;
      this.#keep(key, entry, answer);
      return { answer, isRepetition: false };
    } catch (error) {
      if (this.#requests.get(key) === entry) this.#forget(key, entry);
      throw error;
    }
  }

  /** How many requests are remembered. */
  get size(): number {
    return this.#requests.size;
  }

  /** About how much memory they take. */
  get bytes(): number {
    return this.#bytes;
  }

  #keep(key: string, entry: Remembered, answer: object): void {
    if (this.#requests.get(key) !== entry) return;
    entry.answer = Buffer.from(JSON.stringify(answer));
    entry.bytes += entry.answer.length;
    this.#bytes += entry.answer.length;
    this.#makeRoom();
  }

  #forget(key: string, { bytes }: Remembered): void {
    this.#requests.delete(key);
    this.#bytes -= bytes;
  }

  #makeRoom(): void {
    for (const [key, entry] of this.#requests) {
      if (this.#requests.size <= IDEMPOTENCY_ENTRIES_MAX && this.#bytes <= IDEMPOTENCY_BYTES_MAX) return;
      this.#forget(key, entry);
    }
  }

  #forgetOld(): void {
    const now = this.now();
    for (const [key, entry] of this.#requests) {
      if (entry.forgetAt > now) return;
      this.#forget(key, entry);
    }
  }
}

async function answerOf({ answer }: Remembered): Promise<unknown> {
  return Buffer.isBuffer(answer) ? JSON.parse(answer.toString()) : answer;
}
