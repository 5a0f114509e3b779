import { Module } from '@nestjs/common';
import { LanfareModule } from './lanfare.module.js';

/** The ready application: a node, and nothing else. */
@Module({ imports: [LanfareModule] })
export class AppModule {}
