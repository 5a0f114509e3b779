import type { Server } from 'node:http';

/**
 * How often Node looks for handshakes that are too slow. Its own 30 s would let them hold a socket far longer; and those
 * that came together are ended together, 0.15 ms each: often is gentler to the others.
 */
const SLOWNESS_CHECK_MS = 100;

/**
 * Requests that one socket may bring, as many as nginx takes from one (keepalive_requests): the last one is answered
 * with `Connection: close`.
 */
export const REQUESTS_PER_SOCKET_MAX = 1000;

interface HandshakeLimits {
  readonly timeoutMs: number;
  readonly headerBytesMax: number;
}

/**
 * Bounds what a stranger can do to the HTTP server before there is a connection: slow or fat headers, idle
 * keep-alive, endless requests. How many sockets there may be is the visitors' matter. To be called before it listens.
 */
export function limitHandshakes(server: Server, { timeoutMs, headerBytesMax }: HandshakeLimits): void {
  server.headersTimeout = timeoutMs;
  server.requestTimeout = timeoutMs;
  server.keepAliveTimeout = Math.min(server.keepAliveTimeout, timeoutMs);
  server.maxRequestsPerSocket = REQUESTS_PER_SOCKET_MAX;
  // read by Node when a connection comes, and when the server starts to listen
  Object.assign(server, {
    maxHeaderSize: headerBytesMax,
    connectionsCheckingInterval: Math.min(SLOWNESS_CHECK_MS, timeoutMs),
  });
}
