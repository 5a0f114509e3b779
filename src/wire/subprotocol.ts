/** Deliveries, answers and life cycle as events; see docs/client-protocol.md. */
export const ENVELOPED = 'lanfare.v1.json';

/** Begins the subprotocol in which a browser, which can set no header, sends its token. Never echoed. */
export const BEARER_PREFIX = 'lanfare.bearer.';

/** Offered beside another one it asks for refusals as a close, because a page sees no HTTP answer. Never echoed. */
export const REFUSALS = 'lanfare.refusals';

/** RFC 6455 4.1: tokens of RFC 2616, comma-separated, none twice. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/**
 * The subprotocols offered, in the client's order; null when the header is malformed.
 *
 * @param header Sec-WebSocket-Protocol
 */
export function offeredSubprotocols(header: string | undefined): string[] | null {
  if (header === undefined) return [];
  const offers = header.split(',').map((offer) => offer.trim());
  const isValid = offers.every((offer) => TOKEN.test(offer)) && new Set(offers).size === offers.length;
  return isValid ? offers : null;
}

/** What the 101 selects. A browser fails the handshake if it offered something and nothing is selected. */
export function selectedSubprotocol(offers: Iterable<string>): string | undefined {
  const selectable = [...offers].filter((offer) => offer !== REFUSALS && !offer.startsWith(BEARER_PREFIX));
  return selectable.includes(ENVELOPED) ? ENVELOPED : selectable[0];
}
