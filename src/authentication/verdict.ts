import type { Identity, Rejection } from './authenticator.js';

const REJECTIONS: ReadonlySet<unknown> = new Set<Rejection>(['unauthorized', 'bad_user_id', 'unavailable']);

/**
 * Checks that an authenticator's answer has the promised form, and returns it. The authenticator may be the
 * application's own. With a bad user id, or an end that is no time, a client would get a connection that never ends.
 *
 * @throws {TypeError} when the form is wrong. The message does not say who the client is
 */
export function checkVerdict(verdict: unknown): Identity | Rejection {
  if (REJECTIONS.has(verdict)) return verdict as Rejection;
  if (typeof verdict !== 'object' || verdict === null) {
    throw new TypeError('the verdict is neither an identity nor a rejection');
  }
  const { userId, expiresAt, claims } = verdict as Partial<Record<keyof Identity, unknown>>;
  if (typeof userId !== 'string') throw new TypeError('userId of the identity is not a string');
  if (expiresAt !== null && (typeof expiresAt !== 'number' || Number.isNaN(expiresAt))) {
    throw new TypeError('expiresAt of the identity is neither milliseconds since the epoch nor null');
  }
  if (claims === undefined) return { userId, expiresAt };
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) {
    throw new TypeError('claims of the identity are not an object');
  }
  return { userId, expiresAt, claims: claims as Readonly<Record<string, unknown>> };
}
