import { Inject, Injectable } from '@nestjs/common';
import type { ConfigType } from '@nestjs/config';
import { HttpAdapterHost } from '@nestjs/core';
import type { Server } from 'node:http';
import { Authentication } from '../authentication/authentication.js';
import { clusterConfig } from '../cluster/cluster.config.js';
import { Cluster } from '../cluster/cluster.js';
import { ConnectionRegistry } from '../connections/connection-registry.js';
import { Clients } from '../gateway/admission/clients.js';
import { Door } from '../gateway/admission/door.js';
import { gatewayConfig } from '../gateway/gateway.config.js';
import { Visitors } from '../gateway/admission/visitors.js';
import { GatewayStatistics } from '../gateway/gateway-statistics.js';
import { Messaging } from '../messaging/messaging.js';
import { UdpBroadcast } from '../udp-broadcast/udp-broadcast.js';

/**
 * The live node, as the operators' door sees it. The door is a second application, and Nest calls the life-cycle
 * hooks of every provider of an application. So what the door gets must have none, or the node would be started and
 * stopped twice. This class has none.
 */
@Injectable()
export class RunningNode {
  constructor(
    readonly cluster: Cluster,
    readonly messaging: Messaging,
    readonly connections: ConnectionRegistry,
    readonly door: Door,
    readonly clients: Clients,
    readonly visitors: Visitors,
    readonly gateway: GatewayStatistics,
    readonly authentication: Authentication,
    readonly udp: UdpBroadcast,
    private readonly http: HttpAdapterHost,
    @Inject(gatewayConfig.KEY) private readonly publicConfig: ConfigType<typeof gatewayConfig>,
    @Inject(clusterConfig.KEY) private readonly config: ConfigType<typeof clusterConfig>,
  ) {}

  get name(): string {
    return this.config.NODE_NAME;
  }

  /** CLUSTER_MIN_NODES. */
  get nodesWanted(): number {
    return this.config.CLUSTER_MIN_NODES;
  }

  /** WS_PATH. */
  get publicPath(): string {
    return this.publicConfig.WS_PATH;
  }

  /** CLUSTER_BUS. */
  get bus(): string {
    return this.config.CLUSTER_BUS;
  }

  /**
   * The "address:port" from which this node sends datagrams; null when it has no open socket (CLUSTER_BUS=none,
   * starting).
   */
  get udpAddress(): string | null {
    if (!this.udp.isOpen) return null;
    const { address, port } = this.udp.ownAddress;
    return `${address}:${port}`;
  }

  /** Whether the public port is open. It opens last at a start. */
  get isListening(): boolean {
    return (this.http.httpAdapter.getHttpServer() as Server).listening;
  }
}
