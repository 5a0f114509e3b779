import { Logger, type INestApplication } from '@nestjs/common';
import type { ConfigType } from '@nestjs/config';
import { WsAdapter } from '@nestjs/platform-ws';
import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import { match, type MatchFunction } from 'path-to-regexp';
import { WebSocketServer } from 'ws';
import { ClientSocket } from './client-socket.js';
import { chooseSubprotocol, Door, type Entrance } from './door.js';
import { EventHandlers, type EventHandler, type Transform } from './event-handlers.js';
import { gatewayConfig } from './gateway.config.js';
import { limitHandshakes } from './public-server.js';
import { refuseUpgrade } from './upgrade-refusal.js';

/** How long a client may take to answer a close frame before its socket is cut. */
const CLOSE_TIMEOUT_MS = 5000;

interface Route {
  readonly path: string;
  readonly match: MatchFunction<Record<string, string | string[]>>;
  readonly server: WebSocketServer;
}

interface GatewayOptions {
  readonly path?: string;
  readonly namespace?: string;
}

/**
 * Joins Nest's gateways to the door. Unlike the stock adapter it listens once per socket however many gateways
 * there are, finds a handler by one look-up, answers what it can't handle, takes only upgrades of paths it serves,
 * and lets the door decide before the upgrade. A gateway without a path is on WS_PATH; paths may have parameters.
 */
export class WebSocketAdapter extends WsAdapter {
  readonly #log = new Logger(WebSocketAdapter.name);
  readonly #routes: Route[] = [];
  readonly #server: Server;
  readonly #door: Door;
  readonly #handlers: EventHandlers;
  readonly #config: ConfigType<typeof gatewayConfig>;

  constructor(app: INestApplication) {
    super(app);
    this.#server = app.getHttpServer() as Server;
    this.#door = app.get(Door);
    this.#handlers = app.get(EventHandlers);
    this.#config = app.get<ConfigType<typeof gatewayConfig>>(gatewayConfig.KEY);
    limitHandshakes(this.#server, {
      timeoutMs: this.#config.WS_HANDSHAKE_TIMEOUT_MS,
      headerBytesMax: this.#config.WS_MAX_HEADER_BYTES,
    });
    this.#server.on('upgrade', this.#upgrade);
  }

  override create(port: number, options: GatewayOptions = {}): WebSocketServer {
    if (port !== 0) {
      throw new Error(
        `A gateway on port ${port} would stand outside the door: give it a path on the public port`,
      );
    }
    if (options.namespace !== undefined) {
      throw new Error(
        `Namespaces are Socket.IO's: give the gateway a path instead of "${options.namespace}"`,
      );
    }
    const path = `/${(options.path ?? this.#config.WS_PATH).replace(/^\/+/, '')}`;
    const present = this.#routes.find((route) => route.path === path);
    if (present !== undefined) return present.server;
    const server = new WebSocketServer({
      noServer: true,
      clientTracking: false, // the door knows its clients
      WebSocket: ClientSocket as never,
      maxPayload: this.#config.WS_MAX_PAYLOAD_BYTES,
      closeTimeout: CLOSE_TIMEOUT_MS,
      handleProtocols: chooseSubprotocol,
      perMessageDeflate: false,
      ...({ maxFragments: this.#config.WS_MAX_FRAGMENTS } as object),
    } as never);
    server.setMaxListeners(0); // one per gateway of this path
    this.#routes.push({ path, match: match(path), server });
    return server;
  }

  override bindMessageHandlers(client: ClientSocket, handlers: EventHandler[], transform: Transform): void {
    this.#handlers.bind(client.connection, handlers, transform);
  }

  override bindClientDisconnect(client: ClientSocket, callback: (reason?: string) => void): void {
    client.connection.onClosed(callback);
  }

  override async close(server: WebSocketServer): Promise<void> {
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  override async dispose(): Promise<void> {
    this.#server.off('upgrade', this.#upgrade);
    this.#routes.length = 0;
  }

  readonly #upgrade = (request: IncomingMessage, socket: Socket, head: Buffer): void => {
    const entrance = this.#find(request.url ?? '/');
    if (entrance !== null) {
      void this.#door.admit(request, socket, head, entrance);
    } else if (this.#server.listenerCount('upgrade') === 1) {
      socket.on('error', (error) => this.#log.debug(`A refused client's socket failed: ${error.message}`));
      refuseUpgrade(socket, 'not_found');
    }
    // else it is for another library that listens on this server too
  };

  #find(url: string): Entrance | null {
    const pathname = url.split('?', 1)[0] as string;
    for (const { path, match, server } of this.#routes) {
      const found = matchSafely(match, pathname);
      if (found) return { server, isMain: path === this.#config.WS_PATH, params: found.params };
    }
    return null;
  }
}

/** A path whose escapes can't be decoded matches nothing. */
function matchSafely(match: Route['match'], pathname: string) {
  try {
    return match(pathname);
  } catch {
    return false;
  }
}
