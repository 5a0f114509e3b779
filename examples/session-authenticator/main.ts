import { Module } from '@nestjs/common';
import { LanfareModule, startNode } from 'lanfare';
import { SessionAuthenticatorModule } from './session-authenticator.module.js';

@Module({ imports: [LanfareModule, SessionAuthenticatorModule] })
class AppModule {}

await startNode(AppModule);
