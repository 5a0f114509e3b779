import { Logger, type INestApplication } from '@nestjs/common';
import type { ConfigType } from '@nestjs/config';
import { WsAdapter } from '@nestjs/platform-ws';
import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import { WebSocketServer } from 'ws';
import { LogBudget } from '../telemetry/log-budget.js';
import { selectedSubprotocol } from '../wire/subprotocol.js';
import type { ClientConnection } from './client/client-connection.js';
import { ClientSocket } from './client/client-socket.js';
import { COMPRESSION } from './client/compression.js';
import { Door } from './admission/door.js';
import { Entrances } from './admission/entrances.js';
import { EventHandlers, type EventHandler, type Transform } from './module-gateways/event-handlers.js';
import { gatewayConfig } from './gateway.config.js';
import type { GatewayOptions } from './module-gateways/gateway-options.js';
import { GatewayStatistics } from './gateway-statistics.js';
import { Grace } from './grace.js';
import { PlainRequests } from './admission/plain-requests.js';
import type { PublicHttpAdapter } from './admission/public-http.adapter.js';
import { limitHandshakes } from './limits/handshake-limits.js';
import { asksForWebSocket, handOver, pathOf, type RequestHead } from './admission/request-head.js';
import { ModuleGateways } from './module-gateways/module-gateways.js';
import { Turnstile } from './admission/turnstile.js';
import { Visitors } from './admission/visitors.js';

/** How long a client may take to answer a close frame before its socket is cut. */
const CLOSE_TIMEOUT_MS = 5000;
/**
 * The least bytes that a piece of an incomplete message has on average. TCP's smallest segments carry more (536 bytes).
 * Each piece that a socket has read takes a kilobyte of memory, even if it has only one byte.
 */
const PIECE_BYTES = 512;

/**
 * Joins Nest's gateways to the door. Unlike the stock adapter it listens once per socket however many gateways there
 * are, finds a handler by one look-up, answers what it cannot handle, takes only upgrades of paths it serves, and lets
 * the door decide before the upgrade. Nest knows a client by its connection, never by the socket. A gateway without a
 * path is on WS_PATH. Paths may have parameters.
 */
export class GatewayAdapter extends WsAdapter {
  readonly #log = new Logger(GatewayAdapter.name);
  readonly #strangers = new LogBudget({ warn: (line: string): void => this.#log.debug(line) });
  readonly #entrances = new Entrances();
  readonly #turnstile = new Turnstile();
  readonly #server: Server;
  readonly #door: Door;
  readonly #visitors: Visitors;
  readonly #plain: PlainRequests;
  readonly #grace: Grace;
  readonly #handlers: EventHandlers;
  readonly #gateways: ModuleGateways;
  readonly #config: ConfigType<typeof gatewayConfig>;

  /** @param app made with a PublicHttpAdapter, and not yet initialised: its gateways are not connected */
  constructor(app: INestApplication) {
    super(app);
    this.#server = app.getHttpServer() as Server;
    this.#door = app.get(Door);
    this.#visitors = app.get(Visitors);
    this.#grace = app.get(Grace);
    this.#handlers = app.get(EventHandlers);
    this.#config = app.get<ConfigType<typeof gatewayConfig>>(gatewayConfig.KEY);
    limitHandshakes(this.#server, {
      timeoutMs: this.#config.WS_HANDSHAKE_TIMEOUT_MS,
      headerBytesMax: this.#config.WS_MAX_HEADER_BYTES,
    });
    this.#visitors.watch(this.#server);
    this.#plain = new PlainRequests({
      http: app.getHttpAdapter() as unknown as PublicHttpAdapter,
      visitors: this.#visitors,
      statistics: app.get(GatewayStatistics),
      wsPath: this.#config.WS_PATH,
      isEntrance: (path) => this.#entrances.find(path) !== null,
    });
    this.#gateways = app.get(ModuleGateways);
    this.#gateways.prepare();
    this.#server.on('upgrade', this.#upgrade);
    handOver(this.#server, this.#isHandedOver);
  }

  override create(port: number, options: GatewayOptions = {}): WebSocketServer {
    if (port !== 0) {
      throw new Error(
        `A gateway on port ${port} would stand outside the door: give it a path on the public port`,
      );
    }
    if (options.namespace !== undefined) {
      throw new Error(
        `Namespaces are Socket.IO's: give the gateway a path instead of "${String(options.namespace)}"`,
      );
    }
    const path = this.#gateways.pathOf(options.path);
    const present = this.#entrances.serverOf(path);
    if (present !== undefined) return present;
    const server = new WebSocketServer({
      noServer: true,
      clientTracking: false, // the door knows its clients
      WebSocket: ClientSocket as never,
      maxPayload: this.#config.WS_MAX_PAYLOAD_BYTES,
      closeTimeout: CLOSE_TIMEOUT_MS,
      handleProtocols: (offers: Set<string>) => selectedSubprotocol(offers) ?? false,
      perMessageDeflate: this.#config.WS_COMPRESSION ? COMPRESSION : false,
      maxFragments: this.#config.WS_MAX_FRAGMENTS,
      maxPendingAutoPongs: 0, // the rate and the outgoing queue bound them, and clients are told why they are closed
      // fragments may each come in a piece of their own
      maxBufferedChunks: this.#config.WS_MAX_PAYLOAD_BYTES / PIECE_BYTES + this.#config.WS_MAX_FRAGMENTS,
    } as never);
    server.setMaxListeners(0); // one per gateway of this path
    server.on('wsClientError', (_, socket) => this.#door.refuse(socket, 'bad_handshake'));
    const isMain = path === this.#config.WS_PATH;
    this.#entrances.add({ path, server, isMain, isAnonymous: this.#gateways.isAnonymous(path) });
    return server;
  }

  override bindMessageHandlers(
    client: ClientConnection,
    handlers: EventHandler[],
    transform: Transform,
  ): void {
    this.#handlers.bind(client, handlers, transform);
  }

  override bindClientDisconnect(client: ClientConnection, callback: (reason?: string) => void): void {
    client.onClosed(callback);
  }

  override async close(server: WebSocketServer): Promise<void> {
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  /** Nest closes the server next, and waits for every socket of it. */
  override async dispose(): Promise<void> {
    this.#server.close();
    await this.#visitors.end(this.#grace.left('requests'));
    this.#server.off('upgrade', this.#upgrade);
    this.#entrances.clear();
  }

  readonly #isHandedOver = (request: RequestHead): boolean => {
    if (!this.#visitors.mayAsk(request.socket) || asksForWebSocket(request)) return true;
    return this.#areOthersAsked() ? request.upgrade : this.#plain.isRefused(request);
  };

  readonly #upgrade = (request: IncomingMessage, socket: Socket, head: Buffer): void => {
    if (socket.destroyed) return;
    const isOurs = asksForWebSocket(request);
    const entrance = isOurs ? this.#entrances.find(pathOf(request)) : null;
    if (entrance !== null) {
      this.#turnstile.pass(socket, () => void this.#door.admit(request, socket, head, entrance));
    } else if (!this.#areOthersAsked()) {
      socket.on('error', ({ message }) =>
        this.#strangers.warn('socket', `A refused client's socket failed: ${message}`),
      );
      if (isOurs) this.#door.refuse(socket, 'not_found');
      else this.#plain.refuse(request, socket);
    }
  };

  /** Another library listens for upgrades on this server too: it gets the upgrades of paths that we do not serve. */
  #areOthersAsked(): boolean {
    return this.#server.listenerCount('upgrade') > 1;
  }
}
