import { Injectable } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { Authenticator, type Identity, type Rejection } from 'lanfare';
import { Sessions } from './sessions.js';

/**
 * Knows clients by the cookie their browser sends with the handshake. Browsers send it from any page: with cookies
 * WS_ALLOWED_ORIGINS is what keeps other sites' pages out, and must not be *.
 */
@Injectable()
export class SessionAuthenticator extends Authenticator {
  constructor(private readonly sessions: Sessions) {
    super();
  }

  async authenticate({ headers }: IncomingMessage): Promise<Identity | Rejection> {
    const [, id] = /(?:^|;\s*)session=([\w-]+)/.exec(headers.cookie ?? '') ?? [];
    return id === undefined ? 'unauthorized' : this.refresh(id);
  }

  /** A client that was given a new session sends `{"event":"refresh","data":{"token":"<session id>"}}`. */
  async refresh(id: string): Promise<Identity | Rejection> {
    const session = await this.sessions.find(id);
    return session === undefined || session.expiresAt <= Date.now() ? 'unauthorized' : session;
  }
}
