import { Module } from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import { environmentOptions } from './app.environment.js';
import { GatewayModule } from './gateway/gateway.module.js';
import { OperationsModule } from './operations/operations.module.js';
import { PlaygroundModule } from './playground/playground.module.js';
import { TelemetryModule } from './telemetry/telemetry.module.js';

/** The list of rooms. A team's own modules are added here, and nowhere else. */
@Module({
  imports: [
    ConfigModule.forRoot(environmentOptions(process.env)),
    TelemetryModule,
    GatewayModule,
    OperationsModule,
    PlaygroundModule,
  ],
})
export class AppModule {}
