import type { Server } from 'node:http';

/**
 * How often Node looks for handshakes that are too slow. With Node's default of 30 s they would hold a socket far
 * longer. Handshakes that came together are ended together, 0.15 ms each, so a short interval delays other clients
 * less.
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
 * Limits what a stranger can do to the HTTP server before there is a connection: slow or large headers, idle
 * keep-alive, endless requests. `Visitors` limits how many sockets there may be. To be called before it listens.
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
