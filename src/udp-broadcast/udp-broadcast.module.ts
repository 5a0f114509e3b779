import { Module } from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import { udpBroadcastConfig } from './udp-broadcast.config.js';
import { UdpBroadcast } from './udp-broadcast.js';

@Module({
  imports: [ConfigModule.forFeature(udpBroadcastConfig)],
  providers: [UdpBroadcast],
  exports: [UdpBroadcast],
})
export class UdpBroadcastModule {}
