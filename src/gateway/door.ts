import { Inject, Injectable, Logger } from '@nestjs/common';
import type { ConfigType } from '@nestjs/config';
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { WebSocket, WebSocketServer } from 'ws';
import { Authenticator, type Identity, type Rejection } from '../authentication/authenticator.js';
import { Cluster } from '../cluster/cluster.js';
import { ConnectionRegistry } from '../connections/connection-registry.js';
import { Messaging } from '../messaging/messaging.js';
import { LogBudget } from '../telemetry/log-budget.js';
import { UPGRADE_REFUSALS, type UpgradeRefusalCode } from '../wire/codes.js';
import { readyFrame } from '../wire/outgoing-frame.js';
import { userIdFromText } from '../wire/user-id.js';
import { Capacity, connectionsAllowedByFiles } from './capacity.js';
import { ClientAddresses } from './client-address.js';
import { ClientConnection } from './client-connection.js';
import { ClientFrames } from './client-frames.js';
import type { ClientSocket } from './client-socket.js';
import { gatewayConfig } from './gateway.config.js';
import { isOriginAllowed } from './origin.js';
import { BEARER_PREFIX, ENVELOPED, offeredSubprotocols } from './subprotocol.js';
import { refuseUpgrade } from './upgrade-refusal.js';

/** RFC 6455 4.1: 16 bytes in base64. */
const KEY = /^[+/0-9A-Za-z]{22}==$/;

/** A path that is served, and how. */
export interface Entrance {
  readonly server: WebSocketServer;
  /** The core's own path: its clients are devices of their user. Elsewhere they only meet that path's gateways. */
  readonly isMain: boolean;
  readonly params: ClientConnection['params'];
}

/** How upgrades ended. Counters since the start. */
export type HandshakeCounts = Record<'accepted' | UpgradeRefusalCode, number>;

interface Visitor {
  readonly request: IncomingMessage;
  readonly socket: Socket;
  readonly head: Buffer;
  readonly address: string;
}

/**
 * Lets clients in, or says why not, before there is a WebSocket. The order of the checks is part of the contract;
 * the cheap ones that a stranger can fail come first.
 */
@Injectable()
export class Door {
  readonly #warnings = new LogBudget(new Logger(Door.name));
  readonly #capacity: Capacity;
  readonly #addresses: ClientAddresses;
  readonly #clients = new Set<ClientConnection>();
  readonly #handshakes = Object.fromEntries(
    ['accepted', ...Object.keys(UPGRADE_REFUSALS)].map((result) => [result, 0]),
  ) as HandshakeCounts;
  #isDraining = false;

  constructor(
    private readonly authenticator: Authenticator,
    private readonly messaging: Messaging,
    private readonly connections: ConnectionRegistry,
    private readonly cluster: Cluster,
    private readonly frames: ClientFrames,
    @Inject(gatewayConfig.KEY) private readonly config: ConfigType<typeof gatewayConfig>,
  ) {
    this.#addresses = new ClientAddresses(config.WS_TRUSTED_PROXIES);
    this.#capacity = new Capacity({
      connections: config.WS_MAX_CONNECTIONS || connectionsAllowedByFiles(),
      connectionsPerAddress: config.WS_MAX_CONNECTIONS_PER_IP,
      connectionsPerSecond: config.WS_CONNECTIONS_PER_SECOND,
    });
  }

  /** Clients with an open socket, of all paths. */
  get clients(): ReadonlySet<ClientConnection> {
    return this.#clients;
  }

  get handshakes(): Readonly<HandshakeCounts> {
    return this.#handshakes;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** From now on every upgrade gets 503. */
  stopAdmitting(): void {
    this.#isDraining = true;
  }

  /** Decides on one upgrade request, whose path is served. Never rejects. */
  async admit(request: IncomingMessage, socket: Socket, head: Buffer, entrance: Entrance): Promise<void> {
    socket.on('error', ignore); // a visitor that goes away while held; ws listens for itself afterwards
    const address = this.#addresses.of(request);
    const refusal = this.#judgeRequest(request) ?? this.#capacity.take(address);
    if (refusal !== null) {
      this.#handshakes[refusal]++;
      refuseUpgrade(socket, refusal);
      return;
    }
    const visitor = { request, socket, head, address };
    try {
      const later = await this.#identify(visitor, entrance);
      if (later !== null) this.#turnAway(visitor, later);
    } catch (error) {
      this.#warnings.warn('admission', `An upgrade failed: ${String(error)}`);
      this.#turnAway(visitor, 'authentication_unavailable');
    }
  }

  #judgeRequest(request: IncomingMessage): UpgradeRefusalCode | null {
    const { upgrade, 'sec-websocket-version': version } = request.headers;
    if (request.method !== 'GET' || upgrade?.toLowerCase() !== 'websocket' || version !== '13') {
      return 'upgrade_required';
    }
    return this.#isDraining ? 'draining' : null;
  }

  /** Null: the visitor was let in, or has gone. */
  async #identify(visitor: Visitor, entrance: Entrance): Promise<UpgradeRefusalCode | null> {
    const { request } = visitor;
    if (!isOriginAllowed(request, this.config.WS_ALLOWED_ORIGINS)) return 'origin_not_allowed';
    const identity = await this.#authenticate(request);
    if (typeof identity === 'string')
      return identity === 'unavailable' ? 'authentication_unavailable' : identity;
    if (userIdFromText(identity.userId) === null) return 'bad_user_id';
    if (!KEY.test(request.headers['sec-websocket-key'] ?? '')) return 'bad_handshake';
    const offers = offeredSubprotocols(request);
    if (offers === null) return 'bad_handshake';
    const isEnveloped = offers.includes(ENVELOPED);
    if (entrance.isMain && !isEnveloped) {
      if (offers.length > 0) return 'bad_subprotocol';
      if (this.config.WS_REQUIRE_SUBPROTOCOL) return 'subprotocol_required';
    }
    return this.#letIn(visitor, entrance, identity, isEnveloped);
  }

  async #authenticate(request: IncomingMessage): Promise<Identity | Rejection> {
    const deadline = new AbortController();
    try {
      return await Promise.race([
        this.authenticator.authenticate(request),
        delay(this.config.WS_HANDSHAKE_TIMEOUT_MS, 'unavailable' as const, { signal: deadline.signal }),
      ]);
    } finally {
      deadline.abort();
    }
  }

  async #letIn(
    visitor: Visitor,
    { server, isMain, params }: Entrance,
    identity: Identity,
    isEnveloped: boolean,
  ): Promise<UpgradeRefusalCode | null> {
    const { request, socket, head, address } = visitor;
    const { userId } = identity;
    const cap = this.config.WS_MAX_CONNECTIONS_PER_USER;
    if (isMain && cap > 0 && this.connections.count(userId) >= cap) return 'too_many_for_user';

    const connection = new ClientConnection(
      randomUUID(),
      userId,
      isEnveloped,
      this.config.WS_BUFFER_LIMIT_BYTES,
      this.frames,
    );
    connection.params = params;
    // held until the cluster can be promised to reach it
    if (isMain) await new Promise<void>((reachable) => this.messaging.join(connection, reachable));
    if (this.#isDraining) {
      this.messaging.leave(connection);
      return 'draining';
    }
    let isOpen = false;
    server.handleUpgrade(request, socket, head, (ws) => {
      isOpen = true;
      this.#open(ws as ClientSocket, visitor, connection, isMain);
      server.emit('connection', ws, request);
    });
    if (!isOpen) {
      // the client has gone, or ws refused it
      this.messaging.leave(connection);
      this.#capacity.release(address);
    }
    return null;
  }

  #open(ws: ClientSocket, { socket, address }: Visitor, connection: ClientConnection, isMain: boolean): void {
    this.#handshakes.accepted++;
    socket.off('error', ignore);
    ws.connection = connection;
    ws.on('message', onMessage);
    ws.on('error', onError);
    ws.on('close', () => {
      this.#clients.delete(connection);
      this.#capacity.release(address);
      connection.closed();
      if (isMain) this.messaging.leave(connection);
    });
    this.#clients.add(connection);
    const ready =
      connection.isEnveloped && isMain
        ? readyFrame({
            user_id: connection.userId,
            connection_id: connection.id,
            node_id: this.cluster.nodeId,
          })
        : null;
    connection.open(ws, socket, ready);
  }

  #turnAway({ socket, address }: Visitor, code: UpgradeRefusalCode): void {
    this.#handshakes[code]++;
    this.#capacity.release(address);
    refuseUpgrade(socket, code);
  }
}

/** For WebSocketServer: what a client that offered subprotocols is told. The token is never echoed. */
export function chooseSubprotocol(offers: Set<string>): string | false {
  if (offers.has(ENVELOPED)) return ENVELOPED;
  return [...offers].find((offer) => !offer.startsWith(BEARER_PREFIX)) ?? false;
}

function onMessage(this: WebSocket, payload: Buffer, isBinary: boolean): void {
  (this as ClientSocket).connection.receive(payload, isBinary);
}

/** A protocol error of the client: ws closes with the right code, and 'close' follows. */
function onError(): void {}

function ignore(): void {}
