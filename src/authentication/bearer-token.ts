import type { IncomingMessage } from 'node:http';
import { BEARER_PREFIX, offeredSubprotocols } from '../wire/subprotocol.js';

/** A larger token is not ours, and hashing it would only cost time. */
const TOKEN_BYTES_MAX = 8192;

/**
 * The tokens of an upgrade request: `Authorization: Bearer`, `?token=`, or the subprotocol `lanfare.bearer.<token>`
 * (the only one that a browser can set). More than one is refused: otherwise a proxy could check one token and the
 * server another.
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
 * The credentials in `Authorization` of the scheme Bearer. Other schemes are for others, such as a proxy that asks
 * for a password. The header may be there once (RFC 9110 5.3), and Node hides a second one. If there are two, both
 * count, whatever their schemes.
 */
export function bearerCredentials({ headersDistinct }: IncomingMessage): string[] {
  const given = headersDistinct['authorization'] ?? [];
  if (given.length > 1) return given;
  return given.flatMap((header) => {
    const scheme = /^bearer(?: |$)/i.exec(header);
    return scheme === null ? [] : [header.slice(scheme[0].length).trim()];
  });
}

/** Whether it has three parts in base64url and a bounded size. */
export function isPlausibleToken(token: string): boolean {
  return token.length <= TOKEN_BYTES_MAX && /^[\w-]+\.[\w-]+\.[\w-]*$/.test(token);
}
