import { Module } from '@nestjs/common';
import { LanfareModule, startNode } from 'lanfare';
import { OnlineModule } from './online.module.js';

@Module({ imports: [LanfareModule, OnlineModule] })
class AppModule {}

await startNode(AppModule);
