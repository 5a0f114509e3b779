import { decodeProtectedHeader, errors, jwtVerify, type JWTPayload, type JWTVerifyOptions } from 'jose';
import { webcrypto } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { userIdFromText } from '../wire/user-id.js';
import { Authenticator, type Identity, type Rejection } from './authenticator.js';
import { bearerToken, isPlausibleToken } from './bearer-token.js';
import { KeysUnavailableError, PublishedKeys } from './published-keys.js';

/** For the secret, and for nothing else. */
const SYMMETRIC = ['HS256'];
/** For published keys. None of them takes a public key as a secret, so that one can't be used to forge. */
const ASYMMETRIC = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519'.split(' ');

export interface JwtSettings {
  readonly secret: string | undefined;
  readonly jwksUrl: string | undefined;
  readonly issuer: string | undefined;
  readonly audience: string | undefined;
  readonly clockToleranceS: number;
}

/**
 * JSON Web Tokens, signed with the shared secret or with a published key. The kind of key is chosen by the
 * token's algorithm, and each kind has its own list of them; `none` is on neither.
 *
 * `sub` is the user and `exp` is required: the connection closes at that time unless it is refreshed, so a token
 * without it would be one that nothing ends.
 */
export class JwtAuthenticator extends Authenticator {
  readonly #secret: Promise<webcrypto.CryptoKey> | null;
  readonly #keys: PublishedKeys | null;
  readonly #rules: JWTVerifyOptions;

  constructor({ secret, jwksUrl, issuer, audience, clockToleranceS }: JwtSettings) {
    super();
    this.#secret = secret === undefined ? null : hmacKey(secret);
    this.#keys = jwksUrl === undefined ? null : new PublishedKeys(jwksUrl);
    this.#rules = {
      requiredClaims: ['sub', 'exp'],
      clockTolerance: clockToleranceS,
      ...(issuer === undefined ? {} : { issuer }),
      ...(audience === undefined ? {} : { audience }),
    };
  }

  async authenticate(request: IncomingMessage): Promise<Identity | Rejection> {
    const token = bearerToken(request);
    return token === null ? 'unauthorized' : this.#judge(token);
  }

  async refresh(token: string): Promise<Identity | Rejection> {
    return isPlausibleToken(token) ? this.#judge(token) : 'unauthorized';
  }

  async #judge(token: string): Promise<Identity | Rejection> {
    try {
      return identityOf(await this.#verify(token));
    } catch (error) {
      if (error instanceof KeysUnavailableError) return 'unavailable';
      if (error instanceof errors.JOSEError || error instanceof TypeError) return 'unauthorized';
      throw error;
    }
  }

  async #verify(token: string): Promise<JWTPayload> {
    const { alg } = decodeProtectedHeader(token);
    if (alg === 'HS256' && this.#secret !== null) {
      return (await jwtVerify(token, await this.#secret, { ...this.#rules, algorithms: SYMMETRIC })).payload;
    }
    const keys = this.#keys;
    if (keys === null || alg === undefined || !ASYMMETRIC.includes(alg)) {
      throw new errors.JOSEAlgNotAllowed('no key is for this algorithm');
    }
    const find = async (header: Parameters<PublishedKeys['find']>[0]) => keys.find(header);
    return (await jwtVerify(token, find, { ...this.#rules, algorithms: ASYMMETRIC })).payload;
  }
}

/** Imported once: given the bytes, jose would do it again for every token, at twice the cost of judging one. */
async function hmacKey(secret: string): Promise<webcrypto.CryptoKey> {
  const bytes = new TextEncoder().encode(secret);
  return webcrypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify']);
}

function identityOf({ sub, exp }: JWTPayload): Identity | Rejection {
  const userId = typeof sub === 'string' ? userIdFromText(sub) : null;
  return userId === null ? 'bad_user_id' : { userId, expiresAt: Number(exp) * 1000 };
}
