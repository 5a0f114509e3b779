import { Module } from '@nestjs/common';
import { LanfareModule, startNode } from 'lanfare';
import { ChatModule } from './chat.module.js';

@Module({ imports: [LanfareModule, ChatModule] })
class AppModule {}

await startNode(AppModule);
