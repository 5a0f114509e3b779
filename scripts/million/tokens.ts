import { createHmac } from 'node:crypto';

const HEADER = base64url('{"alg":"HS256","typ":"JWT"}');
/** Longer than any run. */
const VALID_S = 6 * 3_600;

/** A token of the user. A million of them take some seconds. */
export function tokenOf(user: string, secret: string): string {
  const expiresAt = Math.floor(Date.now() / 1_000) + VALID_S;
  const signed = `${HEADER}.${base64url(JSON.stringify({ sub: user, exp: expiresAt }))}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url');
}
