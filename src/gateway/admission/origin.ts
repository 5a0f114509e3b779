import type { IncomingMessage } from 'node:http';

/**
 * Whether a browser page may connect. Browsers always send Origin with a WebSocket handshake, and apply no
 * same-origin rule of their own (RFC 6455 10.2); programs need not send it, and prove themselves by their token.
 */
export function isOriginAllowed({ headers }: IncomingMessage, allowed: readonly string[]): boolean {
  const { origin, host } = headers;
  if (origin === undefined || allowed.includes('*') || allowed.includes(origin)) return true;
  if (!URL.canParse(origin)) return false;
  return allowed.length === 0 && new URL(origin).host === host;
}
