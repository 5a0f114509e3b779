import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { ConfigType } from '@nestjs/config';
import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { Subject, type Observable } from 'rxjs';
import { Cluster } from '../../cluster/cluster.js';
import { Messaging } from '../../messaging/messaging.js';
import { readyFrame } from '../../wire/outgoing-frame.js';
import type { Arrival } from '../client/arrival.js';
import { Backlogs, FROM_CLIENTS, TO_CLIENTS } from '../client/backlogs.js';
import { ClientConnection, type ConnectionContext } from '../client/client-connection.js';
import type { ClientSocket } from '../client/client-socket.js';
import { FrameReader } from '../client/frame-reader.js';
import { Heartbeats } from '../client/heartbeats.js';
import { Inflation } from '../client/inflation.js';
import { attachSharedDeflation } from '../client/shared-deflation.js';
import { TokenExpiries } from '../client/token-expiries.js';
import { ClientFrames } from '../frames/client-frames.js';
import { gatewayConfig } from '../gateway.config.js';
import { GatewayStatistics } from '../gateway-statistics.js';

/**
 * Every client with an open socket, of all paths, from the upgrade to the end of its socket. Makes the connections,
 * watches over them, and clears up after them. No client has a listener or timer of its own.
 */
@Injectable()
export class Clients implements OnApplicationShutdown {
  /** What they have not taken yet. */
  readonly backlogs: Backlogs<ClientConnection>;
  /** What they have sent and was not handled yet. */
  readonly unhandled: Backlogs<ClientConnection>;
  readonly #open = new Set<ClientConnection>();
  readonly #gone = new Subject<ClientConnection>();
  readonly #heartbeats: Heartbeats<ClientConnection> | null;
  readonly #expiries = new TokenExpiries<ClientConnection>();
  readonly #context: ConnectionContext;

  /** Clients that were open and whose socket has closed. Hot; never ends. */
  readonly gone$: Observable<ClientConnection> = this.#gone.asObservable();

  constructor(
    frames: ClientFrames,
    private readonly messaging: Messaging,
    private readonly cluster: Cluster,
    statistics: GatewayStatistics,
    @Inject(gatewayConfig.KEY) private readonly config: ConfigType<typeof gatewayConfig>,
  ) {
    this.#heartbeats = config.WS_PING_INTERVAL_MS === 0 ? null : new Heartbeats(config.WS_PING_INTERVAL_MS);
    this.backlogs = new Backlogs(TO_CLIENTS, config.WS_BUFFER_TOTAL_BYTES);
    this.unhandled = new Backlogs(FROM_CLIENTS, config.WS_UNHANDLED_TOTAL_BYTES);
    this.#context = {
      receiver: frames,
      statistics,
      bufferLimitBytes: config.WS_BUFFER_LIMIT_BYTES,
      backlogs: this.backlogs,
      unhandled: this.unhandled,
      expiries: this.#expiries,
      inFlightMax: config.WS_MAX_IN_FLIGHT,
      left: (connection) => this.#remove(connection),
    };
  }

  onApplicationShutdown(): void {
    this.#heartbeats?.stop();
    this.#expiries.stop();
  }

  /** How many there are now. */
  get size(): number {
    return this.#open.size;
  }

  /** Those that are not read now, until what they have sent before is handled. */
  get paused(): number {
    let paused = 0;
    for (const { intake } of this.#open) if (intake.isPaused) paused++;
    return paused;
  }

  /** All of them, in the order in which they came. */
  [Symbol.iterator](): IterableIterator<ClientConnection> {
    return this.#open.values();
  }

  /**
   * Makes the connection of a client whose upgrade is held until `open` or `discard`. On the core's own path it is a
   * device of its user at once. Resolves when it can be promised that the cluster reaches the connection.
   */
  async hold(arrival: Arrival): Promise<ClientConnection> {
    const connection = new ClientConnection(randomUUID(), arrival, this.#context);
    if (arrival.isMain) {
      await new Promise<void>((reachable) => this.messaging.join(connection, reachable));
    }
    return connection;
  }

  /** The upgrade was not completed. */
  discard(connection: ClientConnection): void {
    this.messaging.leave(connection);
    connection.discard();
  }

  /** The upgrade has been answered. A client of the core's own path gets `ready`. */
  open(connection: ClientConnection, ws: ClientSocket, socket: Socket): void {
    attachSharedDeflation(ws);
    const reader =
      Inflation.attach(ws, socket) ?? FrameReader.attach(ws, socket, this.config.WS_MAX_PAYLOAD_BYTES);
    ws.attach(connection, reader);
    this.#open.add(connection);
    this.#heartbeats?.add(connection);
    const ready = {
      user_id: connection.userId,
      connection_id: connection.id,
      node_id: this.cluster.nodeId,
      limits: { payload_bytes: this.config.WS_MAX_PAYLOAD_BYTES },
    };
    connection.open(ws, socket, connection.isMain && connection.isEnveloped ? readyFrame(ready) : null);
  }

  #remove(connection: ClientConnection): void {
    this.#open.delete(connection);
    this.#heartbeats?.remove(connection);
    this.messaging.leave(connection);
    this.#gone.next(connection);
  }
}
