import { Module } from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import { authenticationConfig } from '../authentication/authentication.config.js';
import { gatewayConfig } from '../gateway/gateway.config.js';
import { Playground } from './playground.js';

@Module({
  imports: [ConfigModule.forFeature(authenticationConfig), ConfigModule.forFeature(gatewayConfig)],
  providers: [Playground],
})
export class PlaygroundModule {}
