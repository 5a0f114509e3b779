import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';

/** As much of Node's HTTP parser as tells of a request whose headers have been read. */
interface Parser {
  onIncoming: (request: IncomingMessage & { upgrade: boolean }, keepAlive: boolean) => number;
}

/** Whether WebSocket is asked for, well or badly: the door has the answer. */
export function asksForWebSocket({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket';
}

/**
 * Which requests become 'upgrade' events of `server`. Others that offer a protocol (`Upgrade: h2c`, which Java's
 * HttpClient and `curl --http2` always do) are plain requests, as though they did not (RFC 9110 7.8). To be called
 * before it listens.
 */
export function upgradeOnly(server: Server, isOurs: (request: IncomingMessage) => boolean): void {
  if ('shouldUpgradeCallback' in server) {
    server.shouldUpgradeCallback = isOurs;
    return;
  }
  // Node before 22.21 and 24.9 hands over all upgrades or none; what its parser tells is corrected on the way
  server.on('connection', ({ parser }: Socket & { parser: Parser }) => {
    const { onIncoming } = parser;
    parser.onIncoming = (request, keepAlive) => {
      if (request.method !== 'CONNECT') request.upgrade &&= isOurs(request);
      return onIncoming(request, keepAlive);
    };
  });
}
