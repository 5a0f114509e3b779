import { Inject, Injectable } from '@nestjs/common';
import type { ConfigType } from '@nestjs/config';
import { clusterConfig } from '../cluster/cluster.config.js';
import { Cluster } from '../cluster/cluster.js';
import { Messaging } from '../messaging/messaging.js';
import { UdpBroadcast } from '../udp-broadcast/udp-broadcast.js';
import { PublicDoor } from './public-door.js';

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
    readonly door: PublicDoor,
    readonly udp: UdpBroadcast,
    @Inject(clusterConfig.KEY) private readonly config: ConfigType<typeof clusterConfig>,
  ) {}

  get name(): string {
    return this.config.NODE_NAME;
  }

  /** CLUSTER_MIN_NODES. */
  get nodesWanted(): number {
    return this.config.CLUSTER_MIN_NODES;
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
}
