import { Global, Module } from '@nestjs/common';
import { GatewayModule } from './gateway/gateway.module.js';
import { MessagingModule } from './messaging/messaging.module.js';
import { OperationsModule } from './operations/operations.module.js';
import { RoomsModule } from './rooms/rooms.module.js';
import { PresenceModule } from './presence/presence.module.js';
import { TelemetryModule } from './telemetry/telemetry.module.js';
import { UdpBroadcastModule } from './udp-broadcast/udp-broadcast.module.js';

/**
 * A node of Lanfare, for the imports of an application's root module. It is global: every module can inject
 * `Messaging`, `Rooms`, `Presence`, `ConnectionRegistry`, `Cluster`, `ModuleMetrics` and `UdpBroadcast`. `startNode` starts the
 * application.
 */
@Global()
@Module({
  imports: [
    TelemetryModule,
    MessagingModule,
    RoomsModule,
    PresenceModule,
    UdpBroadcastModule,
    GatewayModule,
    OperationsModule,
  ],
  exports: [MessagingModule, RoomsModule, PresenceModule, UdpBroadcastModule, OperationsModule],
})
export class LanfareModule {}
