import { Injectable, Optional } from '@nestjs/common';
import { ApiError } from './api-error.js';

/** How long a request is remembered after it was made. */
export const IDEMPOTENCY_LIFETIME_MS = 5 * 60_000;
/** Beyond it the oldest are forgotten early. */
export const IDEMPOTENCY_ENTRIES_MAX = 100_000;

interface Remembered {
  readonly fingerprint: string;
  readonly answer: Promise<unknown>;
  readonly forgetAt: number;
}

/**
 * Requests made with an Idempotency-Key, and their answers. A repetition gets the first one's answer, also while
 * that is still under way; a failed request is forgotten at once, so that it can be made again. This node's memory
 * alone: a repetition at another node is another request.
 */
@Injectable()
export class Idempotency {
  /** In the order they were made, so that the oldest are first. */
  readonly #requests = new Map<string, Remembered>();

  constructor(@Optional() private readonly now: () => number = () => performance.now()) {}

  /**
   * @param key unique within the API key that made the request
   * @param fingerprint equal for equal requests
   * @throws {ApiError} `idempotency_conflict`: the key was used for another request
   */
  async once<T>(
    key: string,
    fingerprint: string,
    request: () => Promise<T>,
  ): Promise<{ answer: T; isRepetition: boolean }> {
    this.#forgetOld();
    const present = this.#requests.get(key);
    if (present !== undefined) {
      if (present.fingerprint !== fingerprint) throw new ApiError('idempotency_conflict');
      return { answer: (await present.answer) as T, isRepetition: true };
    }
    this.#makeRoom();
    const answer = request();
    const entry = { fingerprint, answer, forgetAt: this.now() + IDEMPOTENCY_LIFETIME_MS };
    this.#requests.set(key, entry);
    try {
      return { answer: await answer, isRepetition: false };
    } catch (error) {
      if (this.#requests.get(key) === entry) this.#requests.delete(key);
      throw error;
    }
  }

  get size(): number {
    return this.#requests.size;
  }

  #makeRoom(): void {
    if (this.#requests.size < IDEMPOTENCY_ENTRIES_MAX) return;
    const [oldest] = this.#requests.keys();
    if (oldest !== undefined) this.#requests.delete(oldest);
  }

  #forgetOld(): void {
    const now = this.now();
    for (const [key, { forgetAt }] of this.#requests) {
      if (forgetAt > now) return;
      this.#requests.delete(key);
    }
  }
}
