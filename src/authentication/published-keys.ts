import { createLocalJWKSet, errors, type JWTVerifyGetKey } from 'jose';
import { Logger } from '@nestjs/common';
import { describeError } from '../telemetry/excerpt.js';
import { LogBudget } from '../telemetry/log-budget.js';

const FETCH_TIMEOUT_MS = 5000;
/** Room for a thousand keys. A server that answers with more publishes something else. */
const BODY_BYTES_MAX = 1_048_576;
/** Keys are looked up again after this, so that a withdrawn one stops working. */
const FRESH_MS = 600_000;
/** Tokens with unknown keys cause at most one fetch in this time, however many come. */
const COOLDOWN_MS = 30_000;
/** After a failed fetch the next one may come sooner. */
const RETRY_MS = 1000;
/** A token that names no key is tried with at most this many: the next, the present, the previous, and one to spare. */
const KEYS_TRIED_MAX = 4;

type Header = Parameters<JWTVerifyGetKey>[0];
type Key = Awaited<ReturnType<JWTVerifyGetKey>>;

/** The keys can't be read right now, so nobody knows whether a token is valid. */
export class KeysUnavailableError extends Error {
  override readonly name = 'KeysUnavailableError';
}

/**
 * The public keys at AUTH_JWKS_URL. They are read again when they are old, and when a token has an unknown key id, so
 * that rotation works. While the server that publishes them can't be reached, the last keys stay in force: its outage
 * must not lock out clients whose keys are known.
 */
export class PublishedKeys {
  readonly #warnings = new LogBudget(new Logger('Authentication'));
  #keys: JWTVerifyGetKey | null = null;
  #fetchedAt = Number.NEGATIVE_INFINITY;
  #triedAt = Number.NEGATIVE_INFINITY;
  #hasFailed = false;
  #fetching: Promise<void> | null = null;

  constructor(
    private readonly url: string,
    private readonly now: () => number = performance.now.bind(performance),
  ) {}

  /**
   * Returns what `verify` returns for the key of a token with this header. A token need not name its key (RFC 7515
   * 4.1.4): then the keys that fit its algorithm are tried until the signature is right. If no key fits, or none is
   * right, the keys are read again, since there may be a new one.
   *
   * @throws {KeysUnavailableError | errors.JOSEError} or what `verify` throws
   */
  async use<T>(header: Header, verify: (key: Key) => Promise<T>): Promise<T> {
    if (this.#keys === null) await this.#fetch();
    else if (this.now() - this.#fetchedAt > FRESH_MS) void this.#fetch();
    const keys = this.#keys;
    if (keys === null) throw new KeysUnavailableError('no keys yet');
    try {
      return await tryKeys(keys, header, verify);
    } catch (error) {
      if (!mayHaveNewKey(header, error)) throw error;
      await this.#fetch();
      if (this.#hasFailed) throw new KeysUnavailableError('the key may be new', { cause: error });
      if (this.#keys === null || this.#keys === keys) throw error;
      return tryKeys(this.#keys, header, verify);
    }
  }

  /** Never rejects. Runs at most once at a time, and not again before its time. */
  async #fetch(): Promise<void> {
    if (this.#fetching === null) {
      if (this.now() - this.#triedAt < (this.#hasFailed ? RETRY_MS : COOLDOWN_MS)) return;
      this.#fetching = this.#load().finally(() => {
        this.#fetching = null;
      });
    }
    await this.#fetching;
  }

  async #load(): Promise<void> {
    try {
      const response = await fetch(this.url, {
        headers: { accept: 'application/jwk-set+json, application/json' },
        redirect: 'error',
        signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
      });
      if (response.status !== 200) throw new Error(`it answered ${response.status}`);
      const published = JSON.parse(await bodyOf(response)) as Parameters<typeof createLocalJWKSet>[0];
      const keys = createLocalJWKSet(published);
      const isEmpty = keys.jwks().keys.length === 0;
      // withdrawn keys are no longer in force; but an empty set is a mistake that will soon be mended, so it is
      // reported
      this.#keys = isEmpty ? null : keys;
      if (isEmpty) throw new Error('it publishes no keys');
      this.#fetchedAt = this.now();
      this.#hasFailed = false;
    } catch (error) {
      this.#hasFailed = true;
      const cause =
        error instanceof Error && error.cause !== undefined ? `, ${describeError(error.cause)}` : '';
      this.#warnings.warn('jwks', `AUTH_JWKS_URL cannot be read: ${describeError(error)}${cause}`);
    } finally {
      this.#triedAt = this.now();
    }
  }
}

async function bodyOf({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw new Error(`it answered more than ${BODY_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** @throws {errors.JWSSignatureVerificationFailed} when no key was right */
async function tryKeys<T>(
  keys: JWTVerifyGetKey,
  header: Header,
  verify: (key: Key) => Promise<T>,
): Promise<T> {
  let candidates: AsyncIterable<Key>;
  try {
    return await verify(await keys(header, { payload: '', signature: '' }));
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    candidates = error;
  }
  let tried = 0;
  for await (const key of candidates) {
    if (++tried > KEYS_TRIED_MAX) break;
    try {
      return await verify(key);
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
    }
  }
  throw new errors.JWSSignatureVerificationFailed();
}

function mayHaveNewKey({ kid }: Header, error: unknown): boolean {
  if (error instanceof errors.JWKSNoMatchingKey) return true;
  return kid === undefined && error instanceof errors.JWSSignatureVerificationFailed;
}
