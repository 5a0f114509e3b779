import { Module } from '@nestjs/common';
import { LanfareModule, startNode } from 'lanfare';
import { DatagramTapModule } from './datagram-tap.module.js';

@Module({ imports: [LanfareModule, DatagramTapModule] })
class AppModule {}

await startNode(AppModule);
