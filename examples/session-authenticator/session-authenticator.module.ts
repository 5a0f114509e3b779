import { Global, Module } from '@nestjs/common';
import { Authenticator } from 'lanfare';
import { SessionAuthenticator } from './session-authenticator.js';
import { Sessions } from './sessions.js';

/** Goes into the imports of the root module, with AUTH_MODE=custom. Global, because the core does not import it. */
@Global()
@Module({
  providers: [Sessions, { provide: Authenticator, useClass: SessionAuthenticator }],
  exports: [Authenticator, Sessions],
})
export class SessionAuthenticatorModule {}
