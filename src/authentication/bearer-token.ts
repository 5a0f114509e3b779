import type { IncomingMessage } from 'node:http';
import { BEARER_PREFIX, offeredSubprotocols } from '../wire/subprotocol.js';

/** Larger ones are no tokens of ours, and would only cost us the hashing. */
const TOKEN_BYTES_MAX = 8192;

/**
 * The tokens an upgrade request brings: `Authorization: Bearer`, `?token=`, or the subprotocol
 * `lanfare.bearer.<token>` (all a browser can set). More than one is nobody's: proxies and servers that each believe
 * another one must not be played off against each other.
 */
export function bearerTokens(request: IncomingMessage): string[] {
  const { url = '', headers } = request;
  const query = url.includes('?') ? url.slice(url.indexOf('?') + 1) : '';
  return [
    ...bearerCredentials(request),
    ...new URLSearchParams(query).getAll('token'),
    ...(offeredSubprotocols(headers['sec-websocket-protocol']) ?? [])
      .filter((offer) => offer.startsWith(BEARER_PREFIX))
      .map((offer) => offer.slice(BEARER_PREFIX.length)),
  ];
}

/**
 * What `Authorization` brings for the scheme Bearer. Other schemes are somebody else's, such as the password a proxy
 * asks for. The header may be there once (RFC 9110 5.3), and Node would hide a second one: of two each counts, whatever
 * its scheme.
 */
export function bearerCredentials({ headersDistinct }: IncomingMessage): string[] {
  const given = headersDistinct['authorization'] ?? [];
  if (given.length > 1) return given;
  return given.flatMap((header) => {
    const scheme = /^bearer(?: |$)/i.exec(header);
    return scheme === null ? [] : [header.slice(scheme[0].length).trim()];
  });
}

/** Three parts in base64url, of bounded size. */
export function isPlausibleToken(token: string): boolean {
  return token.length <= TOKEN_BYTES_MAX && /^[\w-]+\.[\w-]+\.[\w-]*$/.test(token);
}
