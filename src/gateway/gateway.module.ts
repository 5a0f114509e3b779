import { Module } from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import { DiscoveryModule } from '@nestjs/core';
import { AuthenticationModule } from '../authentication/authentication.module.js';
import { MessagingModule } from '../messaging/messaging.module.js';
import { PresenceModule } from '../presence/presence.module.js';
import { RoomsModule } from '../rooms/rooms.module.js';
import { Capacity } from './limits/capacity.js';
import { ClientFrames } from './frames/client-frames.js';
import { ClientPublishes } from './frames/client-publishes.js';
import { ClientRooms } from './frames/client-rooms.js';
import { ClientSends } from './frames/client-sends.js';
import { ClientWatches } from './frames/client-watches.js';
import { CoreEvents } from './frames/core-events.js';
import { PublishPermission } from './frames/publish-permission.js';
import { ClientGateway } from './client.gateway.js';
import { Clients } from './admission/clients.js';
import { Congestion } from './frames/congestion.js';
import { Door } from './admission/door.js';
import { EventHandlers } from './module-gateways/event-handlers.js';
import { FrameRate } from './frames/frame-rate.js';
import { gatewayConfig } from './gateway.config.js';
import { GatewayStatistics } from './gateway-statistics.js';
import { Grace } from './grace.js';
import { Handshake } from './admission/handshake.js';
import { ModuleGateways } from './module-gateways/module-gateways.js';
import { TokenRefresh } from './frames/token-refresh.js';
import { Visitors } from './admission/visitors.js';

@Module({
  imports: [
    MessagingModule,
    RoomsModule,
    PresenceModule,
    AuthenticationModule,
    DiscoveryModule,
    ConfigModule.forFeature(gatewayConfig),
  ],
  providers: [
    ClientGateway,
    Door,
    Handshake,
    Capacity,
    Visitors,
    Clients,
    ClientFrames,
    FrameRate,
    ClientSends,
    ClientRooms,
    ClientPublishes,
    ClientWatches,
    CoreEvents,
    PublishPermission,
    Congestion,
    TokenRefresh,
    EventHandlers,
    ModuleGateways,
    GatewayStatistics,
    Grace,
  ],
  exports: [Door, Clients, Visitors, GatewayStatistics],
})
export class GatewayModule {}
