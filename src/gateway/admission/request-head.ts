import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';

/** A request whose headers have been read, and nothing else. */
export interface RequestHead extends IncomingMessage {
  /** It offers another protocol, no matter which. */
  upgrade: boolean;
}

/** The part of Node's HTTP parser that reports a request whose headers have been read. */
interface Parser {
  onIncoming?: (request: RequestHead, keepAlive: boolean) => number;
}

/**
 * Which sockets of `server` are handed over, as an 'upgrade' event, when the headers of a request have been read: Node
 * makes no response for it then, and reads no more of them. For all others the request is a plain one, whatever
 * protocol it offers (`Upgrade: h2c`, which Java's HttpClient and `curl --http2` always send: RFC 9110 7.8 lets a
 * server go on without). To be called before it listens.
 *
 * Node's own way to decide this (shouldUpgradeCallback, 22.21 and 24.9) knows only requests with `Upgrade`. Older
 * versions hand over all of these requests or none. So this function corrects what the parser reports.
 */
export function handOver(server: Server, isOurs: (request: RequestHead) => boolean): void {
  server.on('connection', ({ parser }: Socket & { parser: Parser }) => {
    const { onIncoming } = parser;
    if (onIncoming === undefined) return;
    parser.onIncoming = (request, keepAlive) => {
      toOriginForm(request);
      if (request.method !== 'CONNECT') request.upgrade = isOurs(request);
      return onIncoming(request, keepAlive);
    };
  });
}

/** Whether WebSocket is asked for, in a valid way or not. */
export function asksForWebSocket({ method, headers }: IncomingMessage): boolean {
  if (method !== 'GET' || headers.upgrade?.toLowerCase() !== 'websocket') return false;
  const options = headers.connection?.toLowerCase().split(',') ?? [];
  return options.some((option) => option.trim() === 'upgrade');
}

/** The path of the request, as it was written. */
export function pathOf({ url = '/' }: IncomingMessage): string {
  return url.split('?', 1)[0] as string;
}

/**
 * A whole URL, as clients send it to proxies (`GET http://host/chat`), is understood too. The host in it counts, and
 * not the header `Host` (RFC 9112 3.2.2).
 */
function toOriginForm(request: IncomingMessage): void {
  const { url = '/' } = request;
  const scheme = url.indexOf('://');
  if (url.startsWith('/') || scheme < 0) return;
  const hierarchy = url.slice(scheme + '://'.length);
  const path = hierarchy.search(/[/?]/);
  const [host, rest] = path < 0 ? [hierarchy, ''] : [hierarchy.slice(0, path), hierarchy.slice(path)];
  request.url = rest.startsWith('/') ? rest : `/${rest}`;
  request.headers.host = host;
  request.headersDistinct['host'] = [host];
}
