import { Module } from '@nestjs/common';
import { AuditLog } from './audit-log.js';

/** Goes into the imports of the root module, beside LanfareModule. */
@Module({ providers: [AuditLog], exports: [AuditLog] })
export class AuditLogModule {}
