import { Module } from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import { AuthenticationModule } from '../authentication/authentication.module.js';
import { clusterConfig } from '../cluster/cluster.config.js';
import { gatewayConfig } from '../gateway/gateway.config.js';
import { GatewayModule } from '../gateway/gateway.module.js';
import { MessagingModule } from '../messaging/messaging.module.js';
import { PresenceModule } from '../presence/presence.module.js';
import { RoomsModule } from '../rooms/rooms.module.js';
import { UdpBroadcastModule } from '../udp-broadcast/udp-broadcast.module.js';
import { ClusterUsers } from './cluster-users.js';
import { ClientMetrics } from './metrics/client-metrics.js';
import { ModuleMetrics } from './metrics/module-metrics.js';
import { PresenceMetrics } from './metrics/presence-metrics.js';
import { PublicMetrics } from './metrics/public-metrics.js';
import { RoomMetrics } from './metrics/room-metrics.js';
import { operationsConfig } from './operations.config.js';
import { PublicDoor } from './public-door.js';
import { RunningNode } from './running-node.js';

/**
 * The part of operations in the public application: answers to other nodes, and what the operators' door needs. It
 * has no controllers, so that nothing of it is public.
 */
@Module({
  imports: [
    GatewayModule,
    AuthenticationModule,
    MessagingModule,
    RoomsModule,
    PresenceModule,
    UdpBroadcastModule,
    ConfigModule.forFeature(operationsConfig),
    ConfigModule.forFeature(clusterConfig),
    ConfigModule.forFeature(gatewayConfig),
  ],
  providers: [
    ClusterUsers,
    ModuleMetrics,
    ClientMetrics,
    RoomMetrics,
    PresenceMetrics,
    PublicMetrics,
    PublicDoor,
    RunningNode,
  ],
  exports: [ModuleMetrics],
})
export class OperationsModule {}
