import type { IncomingMessage } from 'node:http';
import { BEARER_PREFIX, offeredSubprotocols } from '../wire/subprotocol.js';

/** Larger ones are no tokens of ours, and would only cost us the hashing. */
const TOKEN_BYTES_MAX = 8192;

/**
 * The token an upgrade request brings: `Authorization: Bearer`, `?token=`, or the subprotocol
 * `lanfare.bearer.<token>` (all a browser can set). Null when there is none, or more than one: proxies and servers
 * that each believe another one must not be played off against each other.
 */
export function bearerToken({ url = '', headers }: IncomingMessage): string | null {
  const { authorization } = headers;
  const query = url.includes('?') ? url.slice(url.indexOf('?') + 1) : '';
  const tokens = [
    ...(authorization === undefined ? [] : [/^bearer +(\S+) *$/i.exec(authorization)?.[1] ?? '']),
    ...new URLSearchParams(query).getAll('token'),
    ...(offeredSubprotocols(headers['sec-websocket-protocol']) ?? [])
      .filter((offer) => offer.startsWith(BEARER_PREFIX))
      .map((offer) => offer.slice(BEARER_PREFIX.length)),
  ];
  const [token] = tokens;
  return tokens.length === 1 && token !== undefined && isPlausibleToken(token) ? token : null;
}

/** Three parts in base64url, of bounded size. */
export function isPlausibleToken(token: string): boolean {
  return token.length <= TOKEN_BYTES_MAX && /^[\w-]+\.[\w-]+\.[\w-]*$/.test(token);
}
