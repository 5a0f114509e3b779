import { Module } from '@nestjs/common';
import { UdpBroadcastModule } from '../../src/udp-broadcast/udp-broadcast.module.js';
import { DatagramTap } from './datagram-tap.js';

/** Goes into the imports of app.module.ts. */
@Module({ imports: [UdpBroadcastModule], providers: [DatagramTap], exports: [DatagramTap] })
export class DatagramTapModule {}
