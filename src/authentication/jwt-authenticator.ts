import {
  decodeProtectedHeader,
  errors,
  jwtVerify,
  UnsecuredJWT,
  type JWTClaimVerificationOptions,
  type JWTHeaderParameters,
  type JWTPayload,
  type ProtectedHeaderParameters,
} from 'jose';
import { createHmac, createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { userIdFromText } from '../wire/user-id.js';
import { Authenticator, type Identity, type Rejection } from './authenticator.js';
import { bearerTokens, isPlausibleToken } from './bearer-token.js';
import { KeysUnavailableError, PublishedKeys } from './published-keys.js';
import type { TokenRefusal, TokenRefusals } from './token-refusals.js';

/**
 * Algorithms for published keys. None takes a public key as a shared secret, so a public key can't be used to forge.
 */
const ASYMMETRIC = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519'.split(' ');

export interface JwtSettings {
  /** Keys of HS256 tokens. Any of them is accepted. */
  readonly secrets: readonly string[];
  readonly issuer: string | undefined;
  readonly audience: string | undefined;
  readonly clockToleranceS: number;
}

/**
 * JSON Web Tokens, signed with a shared secret or with a published key. The token's algorithm chooses the kind of
 * key. Each kind has its own list of algorithms; `none` is on neither list.
 *
 * `sub` is the user. `exp` is required: the connection closes at that time unless it is refreshed. Without it the
 * connection would never end.
 */
export class JwtAuthenticator extends Authenticator {
  readonly #secrets: readonly KeyObject[];
  readonly #rules: JWTClaimVerificationOptions;

  /** @param keys for tokens that are not signed with a shared secret */
  constructor(
    { secrets, issuer, audience, clockToleranceS }: JwtSettings,
    private readonly keys: PublishedKeys | null,
    private readonly refusals: TokenRefusals,
  ) {
    super();
    this.#secrets = secrets.map((secret) => createSecretKey(secret, 'utf8'));
    this.#rules = {
      requiredClaims: ['sub', 'exp'],
      clockTolerance: clockToleranceS,
      ...(issuer === undefined ? {} : { issuer }),
      ...(audience === undefined ? {} : { audience }),
    };
  }

  authenticate(request: IncomingMessage): Promise<Identity | Rejection> | Identity | Rejection {
    const [token, ...others] = bearerTokens(request);
    if (token === undefined) return this.#refuse('no_token');
    return others.length > 0 ? this.#refuse('several_tokens') : this.refresh(token);
  }

  refresh(token: string): Promise<Identity | Rejection> | Identity | Rejection {
    const header = isPlausibleToken(token) ? headerOf(token) : null;
    return header === null ? this.#refuse('malformed') : this.#judge(token, header);
  }

  #judge(
    token: string,
    header: ProtectedHeaderParameters,
  ): Promise<Identity | Rejection> | Identity | Rejection {
    if (header.alg === 'HS256' && header.crit === undefined && this.#secrets.length > 0) {
      try {
        return this.#identityOf(this.#verifyShared(token));
      } catch (error) {
        return this.#refuse(reasonOf(error));
      }
    }
    const { keys } = this;
    if (keys === null || !isAsymmetric(header)) return this.#refuse('wrong_algorithm');
    return this.#verifyPublished(token, header, keys).then(
      (claims) => this.#identityOf(claims),
      (error: unknown) => this.#refuse(reasonOf(error)),
    );
  }

  /**
   * node:crypto checks the HMAC, jose checks the claims. (jose's own HMAC is a job for the thread pool: with many
   * connections that costs 190 us of CPU for each token, and this costs 10.) The signature is compared as text, so that
   * a token has only one spelling.
   */
  #verifyShared(token: string): JWTPayload {
    const [header = '', payload = '', signature = '', ...rest] = token.split('.');
    const given = Buffer.from(signature);
    const isSigned = this.#secrets.some((secret) => {
      const due = Buffer.from(
        createHmac('sha256', secret).update(`${header}.${payload}`).digest('base64url'),
      );
      return given.length === due.length && timingSafeEqual(given, due);
    });
    if (rest.length > 0 || !isSigned) throw new errors.JWSSignatureVerificationFailed();
    return UnsecuredJWT.decode(`${UNSECURED_HEADER}.${payload}.`, this.#rules).payload;
  }

  async #verifyPublished(
    token: string,
    header: JWTHeaderParameters,
    keys: PublishedKeys,
  ): Promise<JWTPayload> {
    const rules = { ...this.#rules, algorithms: ASYMMETRIC };
    return keys.use(header, async (key) => (await jwtVerify(token, key, rules)).payload);
  }

  /** Most tokens have only the claims that are checked here: then the connection keeps no claims. */
  #identityOf({
    sub,
    exp,
    iat: _iat,
    nbf: _nbf,
    iss: _iss,
    aud: _aud,
    ...claims
  }: JWTPayload): Identity | Rejection {
    const userId = typeof sub === 'string' ? userIdFromText(sub) : null;
    if (userId === null) {
      this.refusals.count('bad_subject');
      return 'bad_user_id';
    }
    const identity = { userId, expiresAt: Number(exp) * 1000 };
    return Object.keys(claims).length === 0 ? identity : { ...identity, claims };
  }

  #refuse(reason: TokenRefusal): Rejection {
    this.refusals.count(reason);
    return reason === 'keys_unavailable' ? 'unavailable' : 'unauthorized';
  }
}

function headerOf(token: string): ProtectedHeaderParameters | null {
  try {
    return decodeProtectedHeader(token);
  } catch {
    return null;
  }
}

function isAsymmetric(header: ProtectedHeaderParameters): header is JWTHeaderParameters {
  return header.alg !== undefined && ASYMMETRIC.includes(header.alg);
}

/** With this header jose reads claims whose signature was checked already. */
const UNSECURED_HEADER = Buffer.from('{"alg":"none"}').toString('base64url');

const REASONS: Readonly<Record<string, TokenRefusal>> = {
  [errors.JOSENotSupported.code]: 'wrong_algorithm',
  [errors.JWSSignatureVerificationFailed.code]: 'bad_signature',
  [errors.JWKSNoMatchingKey.code]: 'unknown_key',
  [errors.JWKSInvalid.code]: 'unknown_key',
  [errors.JWTExpired.code]: 'expired',
};

const CLAIM_REASONS: Readonly<Record<string, TokenRefusal>> = {
  iss: 'wrong_issuer',
  aud: 'wrong_audience',
  sub: 'bad_subject',
  exp: 'no_expiry',
};

/** Why jose refused the token. @throws the error itself when it is not about the token, but a bug */
function reasonOf(error: unknown): TokenRefusal {
  if (error instanceof KeysUnavailableError) return 'keys_unavailable';
  // the published key is too short, or is no key
  if (error instanceof TypeError || error instanceof DOMException) return 'unknown_key';
  if (!(error instanceof errors.JOSEError)) throw error;
  if (!(error instanceof errors.JWTClaimValidationFailed)) return REASONS[error.code] ?? 'malformed';
  if (error.claim === 'nbf') return error.reason === 'invalid' ? 'malformed' : 'not_yet_valid';
  return CLAIM_REASONS[error.claim] ?? 'malformed';
}
