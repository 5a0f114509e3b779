import { Module } from '@nestjs/common';
import { LanfareModule, startNode } from 'lanfare';
import { NotificationsModule } from './notifications.module.js';

@Module({ imports: [LanfareModule, NotificationsModule] })
class AppModule {}

await startNode(AppModule);
