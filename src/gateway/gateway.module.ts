import { Module, type MiddlewareConsumer, type NestModule } from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import { DiscoveryModule } from '@nestjs/core';
import { AuthenticationModule } from '../authentication/authentication.module.js';
import { MessagingModule } from '../messaging/messaging.module.js';
import { Capacity } from './capacity.js';
import { ClientFrames } from './client-frames.js';
import { ClientSends } from './client-sends.js';
import { ClientGateway } from './client.gateway.js';
import { Clients } from './clients.js';
import { Door } from './door.js';
import { EventHandlers } from './event-handlers.js';
import { FrameRate } from './frame-rate.js';
import { gatewayConfig } from './gateway.config.js';
import { GatewayStatistics } from './gateway-statistics.js';
import { Handshake } from './handshake.js';
import { TeamGateways } from './team-gateways.js';
import { TokenExpiries } from './token-expiries.js';
import { TokenRefresh } from './token-refresh.js';
import { UpgradeRequired } from './upgrade-required.js';

@Module({
  imports: [MessagingModule, AuthenticationModule, DiscoveryModule, ConfigModule.forFeature(gatewayConfig)],
  providers: [
    ClientGateway,
    Door,
    Handshake,
    Capacity,
    Clients,
    ClientFrames,
    FrameRate,
    ClientSends,
    TokenRefresh,
    TokenExpiries,
    EventHandlers,
    TeamGateways,
    GatewayStatistics,
  ],
  exports: [Door, Clients, GatewayStatistics],
})
export class GatewayModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(UpgradeRequired).forRoutes('{*path}');
  }
}
