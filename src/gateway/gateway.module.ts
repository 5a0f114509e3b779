import { Module, type MiddlewareConsumer, type NestModule } from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import { AuthenticationModule } from '../authentication/authentication.module.js';
import { MessagingModule } from '../messaging/messaging.module.js';
import { ClientFrames } from './client-frames.js';
import { ClientGateway } from './client.gateway.js';
import { Door } from './door.js';
import { EventHandlers } from './event-handlers.js';
import { gatewayConfig } from './gateway.config.js';
import { UpgradeRequired } from './upgrade-required.js';

@Module({
  imports: [MessagingModule, AuthenticationModule, ConfigModule.forFeature(gatewayConfig)],
  providers: [ClientGateway, Door, ClientFrames, EventHandlers],
  exports: [Door, ClientFrames],
})
export class GatewayModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(UpgradeRequired).forRoutes('{*path}');
  }
}
