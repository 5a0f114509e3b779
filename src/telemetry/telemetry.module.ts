import { Module } from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import { loggingConfig } from './logging.config.js';
import { survivePoorSubscribers } from './stream-errors.js';

@Module({ imports: [ConfigModule.forFeature(loggingConfig)] })
export class TelemetryModule {
  constructor() {
    survivePoorSubscribers();
  }
}
