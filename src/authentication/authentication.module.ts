import { Module } from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import { authenticationConfig } from './authentication.config.js';
import { Authentication } from './authentication.js';

@Module({
  imports: [ConfigModule.forFeature(authenticationConfig)],
  providers: [Authentication],
  exports: [Authentication, ConfigModule],
})
export class AuthenticationModule {}
