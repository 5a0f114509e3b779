import { Module } from '@nestjs/common';
import { LanfareModule, startNode } from 'lanfare';
import { SessionAuthenticatorModule } from './session-authenticator.module.js';
import { Sessions } from './sessions.js';

@Module({ imports: [LanfareModule, SessionAuthenticatorModule] })
class AppModule {}

const app = await startNode(AppModule);

// a user to try it with: a client that sends `Cookie: session=demo` is user 1
app.get(Sessions).open('demo', { userId: '1', expiresAt: Date.now() + 3_600_000 });
