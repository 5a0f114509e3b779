import { Module } from '@nestjs/common';
import { LanfareModule, startNode } from 'lanfare';
import { AuditLogModule } from './audit-log.module.js';

@Module({ imports: [LanfareModule, AuditLogModule] })
class AppModule {}

await startNode(AppModule);
