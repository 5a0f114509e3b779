import { match, type MatchFunction } from 'path-to-regexp';
import type { WebSocketServer } from 'ws';
import type { Arrival } from '../client/arrival.js';

interface ServedPath {
  readonly path: string;
  readonly server: WebSocketServer;
  /**
   * The core's own path: its clients are devices of their user. Clients of other paths only reach the gateways of that
   * path.
   */
  readonly isMain: boolean;
  /** All gateways of this path do without authentication. */
  readonly isAnonymous: boolean;
}

/** On which path a client came, and the parameters in that path. */
export interface Entrance extends ServedPath {
  readonly params: Arrival['params'];
}

/** One for all clients: an object for each would take 180 bytes. */
const NO_PARAMS: Arrival['params'] = Object.freeze({});

interface Route {
  readonly served: ServedPath;
  readonly match: MatchFunction<Arrival['params']>;
}

/** The paths on which WebSocket is spoken. They are tried in the order of the gateways, those with parameters last. */
export class Entrances {
  readonly #routes: Route[] = [];

  /** @throws when the pattern of the path is malformed */
  add(served: ServedPath): void {
    const route = { served, match: match(served.path, { sensitive: true, trailing: false }) };
    const firstPattern = this.#routes.findIndex((other) => !isPlain(other.served));
    if (isPlain(served) && firstPattern >= 0) this.#routes.splice(firstPattern, 0, route);
    else this.#routes.push(route);
  }

  /** The server of exactly this path, parameters as they were written. */
  serverOf(path: string): WebSocketServer | undefined {
    return this.#routes.find(({ served }) => served.path === path)?.served.server;
  }

  find(pathname: string): Entrance | null {
    for (const { served, match } of this.#routes) {
      const found = matchSafely(match, pathname);
      if (found) return { ...served, params: isPlain(served) ? NO_PARAMS : found.params };
    }
    return null;
  }

  clear(): void {
    this.#routes.length = 0;
  }
}

function isPlain({ path }: ServedPath): boolean {
  return !/[:*{]/.test(path);
}

/** A path whose escapes can't be decoded matches nothing. */
function matchSafely(match: Route['match'], pathname: string) {
  try {
    return match(pathname);
  } catch {
    return false;
  }
}
