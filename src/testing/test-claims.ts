import { Global, Module, type DynamicModule } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { Authenticator, type Identity, type Rejection } from '../authentication/authenticator.js';
import { InsecureAuthenticator } from '../authentication/insecure-authenticator.js';

/** The claims of users, by their ids. */
export type ClaimsByUser = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** Takes clients at their word, as in insecure mode, and gives them the claims that a token would. */
class ClaimingAuthenticator extends InsecureAuthenticator {
  constructor(private readonly claims: ClaimsByUser) {
    super();
  }

  override authenticate(request: IncomingMessage): Identity | Rejection {
    const identity = super.authenticate(request);
    return typeof identity === 'string'
      ? identity
      : { ...identity, claims: this.claims[identity.userId] ?? {} };
  }
}

@Global()
@Module({})
export class TestClaims {
  static of(claims: ClaimsByUser): DynamicModule {
    const authenticator = { provide: Authenticator, useValue: new ClaimingAuthenticator(claims) };
    return { module: TestClaims, providers: [authenticator], exports: [Authenticator] };
  }
}
