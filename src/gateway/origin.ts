import type { IncomingMessage } from 'node:http';

/** Stands for one or more labels of a host, never for none: the domain itself needs an entry of its own. */
const ANY_LABELS = '*.';

/**
 * Whether a browser page may connect. Browsers always send Origin with a WebSocket handshake, and apply no
 * same-origin rule of their own (RFC 6455 10.2); programs need not send it, and prove themselves by their token.
 */
export function isOriginAllowed(request: IncomingMessage, allowed: readonly string[]): boolean {
  const { origin } = request.headers;
  if (origin === undefined || allowed.includes('*') || allowed.includes(origin)) return true;
  // the origin of an app's web view has no parts that could be judged: it is listed exactly, or not allowed
  if (!isWebOrigin(origin)) return false;
  if (allowed.length > 0) return allowed.some((entry) => isOneOf(entry, origin));
  return isSameHost(origin, request.headersDistinct['host'] ?? []);
}

/** Why `text` can't be an entry of WS_ALLOWED_ORIGINS, or null. */
export function originProblem(text: string): string | null {
  const exact = text.replace(`://${ANY_LABELS}`, '://');
  if (text === '*' || (!exact.includes('*') && isWebOrigin(exact)) || isShellOrigin(text)) return null;
  if (text === 'null') return 'null is refused: any site can make a page of it';
  const quoted = JSON.stringify(text);
  if (text.includes('*')) {
    return `${quoted}: a * may stand for the first labels of a web origin's host, as in https://*.example.com, or alone`;
  }
  const meant = URL.canParse(text) ? new URL(text).origin : 'null';
  return meant === 'null'
    ? `${quoted} is no origin such as https://app.example.com or capacitor://localhost`
    : `${quoted} is no origin: browsers send ${meant}`;
}

/** An origin of a page as browsers write it: no path, no default port, lower case, punycode. */
function isWebOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

/** An origin of an app that shows its pages in a web view, or of a browser extension: it has a scheme of its own. */
function isShellOrigin(text: string): boolean {
  return (
    !/^(?:https?|wss?|ftp):/.test(text) &&
    (text === 'file://' || /^[a-z][a-z\d+.-]*:\/\/[\w.:-]+$/.test(text))
  );
}

function isOneOf(entry: string, origin: string): boolean {
  const [scheme, domain] = entry.split(`://${ANY_LABELS}`);
  if (domain === undefined) return false;
  const [start, end] = [`${scheme}://`, `.${domain}`];
  return origin.length > start.length + end.length && origin.startsWith(start) && origin.endsWith(end);
}

/**
 * Whether the page comes from this host and port. The scheme is not compared: it is not known here which one clients
 * use in front of a proxy. So the default port is that of the page's scheme.
 */
function isSameHost(origin: string, hosts: readonly string[]): boolean {
  const [host, ...others] = hosts;
  if (host === undefined || others.length > 0 || !/^[\w.:[\]-]+$/.test(host)) return false;
  const { protocol, host: own } = new URL(origin);
  const url = `${protocol}//${host}`;
  return URL.canParse(url) && new URL(url).host === own;
}
