import { Module } from '@nestjs/common';
import { MessagingModule } from '../../src/messaging/messaging.module.js';
import { AuditLog } from './audit-log.js';

/** Goes into the imports of app.module.ts. */
@Module({ imports: [MessagingModule], providers: [AuditLog], exports: [AuditLog] })
export class AuditLogModule {}
