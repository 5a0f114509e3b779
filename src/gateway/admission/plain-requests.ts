import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { GatewayStatistics } from '../gateway-statistics.js';
import type { PublicHttpAdapter } from './public-http.adapter.js';
import { pathOf } from './request-head.js';
import { refusalBody, refusalHead, refuseUpgrade } from './upgrade-refusal.js';
import type { Visitors } from './visitors.js';

type Refusal = 'not_found' | 'upgrade_required';

interface Context {
  readonly http: PublicHttpAdapter;
  readonly visitors: Visitors;
  readonly statistics: GatewayStatistics;
  /** On this path only WebSocket is spoken. */
  readonly wsPath: string;
  /** Whether WebSocket is spoken at a path. */
  readonly isEntrance: (path: string) => boolean;
}

/**
 * Plain HTTP on the public port. The framework gets the requests that a module may answer. All other requests come from
 * strangers. They are refused here, which costs a hundredth as much, and their connection ends.
 */
export class PlainRequests {
  readonly #server: Server;

  /** To be made once, before the server listens. */
  constructor(private readonly context: Context) {
    this.#server = context.http.getHttpServer();
    this.#server.removeAllListeners('request');
    this.#server.on('request', this.#answer);
  }

  /** Whether `refuse` can answer it: then no response object is needed. */
  isRefused(request: IncomingMessage): boolean {
    const isOursAlone =
      this.#server.listenerCount('request') === 1 &&
      this.#server.listenerCount('request', this.#answer) === 1;
    // answers go out in the order of the requests
    if (!isOursAlone || this.context.visitors.isAwaited(request.socket)) return false;
    return this.#refusalOf(request) !== null;
  }

  /** Answers a request whose socket was handed over, and closes it. */
  refuse(request: IncomingMessage, socket: Socket): void {
    const refusal = this.#refusalOf(request) ?? 'not_found';
    this.#count(refusal);
    refuseUpgrade(socket, refusal, request.method !== 'HEAD');
  }

  readonly #answer = (request: IncomingMessage, response: ServerResponse): void => {
    const { http, visitors } = this.context;
    visitors.awaits(response);
    const refusal = this.#refusalOf(request);
    if (refusal === null) {
      http.getInstance<RequestListener>()(request, response);
      return;
    }
    this.#count(refusal);
    response.writeHead(...refusalHead(refusal)).end(refusalBody(refusal));
  };

  #refusalOf(request: IncomingMessage): Refusal | null {
    const { http, wsPath, isEntrance } = this.context;
    const path = pathOf(request);
    if (path === wsPath) return 'upgrade_required';
    if (http.handles(request.method ?? 'GET', path)) return null;
    return isEntrance(path) ? 'upgrade_required' : 'not_found';
  }

  #count(refusal: Refusal): void {
    const { handshakes, turnedAway } = this.context.statistics;
    if (refusal === 'not_found') turnedAway.not_found++;
    else handshakes.upgrade_required++;
  }
}
