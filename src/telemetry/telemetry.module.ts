import { Module } from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import { loggingConfig } from './logging.config.js';
import { logSubscriberErrors } from './subscriber-errors.js';

@Module({ imports: [ConfigModule.forFeature(loggingConfig)] })
export class TelemetryModule {
  constructor() {
    logSubscriberErrors();
  }
}
