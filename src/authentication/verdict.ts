import type { Identity, Rejection } from './authenticator.js';

const REJECTIONS: ReadonlySet<unknown> = new Set<Rejection>(['unauthorized', 'bad_user_id', 'unavailable']);

/**
 * What an authenticator answered, when it is what it promised. It may be a team's own: a user who is none, or an end
 * that is no time, would let somebody in whom nothing ever ends.
 *
 * @throws {TypeError} when it is not; its message says nothing of whom it is about
 */
export function checkVerdict(verdict: unknown): Identity | Rejection {
  if (REJECTIONS.has(verdict)) return verdict as Rejection;
  if (typeof verdict !== 'object' || verdict === null) {
    throw new TypeError('the verdict is neither an identity nor a rejection');
  }
  const { userId, expiresAt } = verdict as Partial<Record<keyof Identity, unknown>>;
  if (typeof userId !== 'string') throw new TypeError('userId of the identity is not a string');
  if (expiresAt !== null && (typeof expiresAt !== 'number' || Number.isNaN(expiresAt))) {
    throw new TypeError('expiresAt of the identity is neither milliseconds since the epoch nor null');
  }
  return { userId, expiresAt };
}
