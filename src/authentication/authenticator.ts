import type { IncomingMessage } from 'node:http';

/** Whom a connection speaks for. */
export interface Identity {
  /** In canonical form (see wire/user-id.ts); the door refuses others. */
  readonly userId: string;
  /** When the connection must end unless refreshed, in milliseconds since the epoch; null: never. */
  readonly expiresAt: number | null;
}

/**
 * `unauthorized`: nobody we know (401). `bad_user_id`: authentic, but no usable user id (400).
 * `unavailable`: it can't be told right now (503); the client may try again.
 */
export type Rejection = 'unauthorized' | 'bad_user_id' | 'unavailable';

/**
 * Says who stands at the door, before the upgrade. A team provides its own in a global module of its application:
 *
 *     @Global()
 *     @Module({
 *       providers: [{ provide: Authenticator, useClass: SessionCookieAuthenticator }],
 *       exports: [Authenticator],
 *     })
 *     export class SessionModule {}
 *
 * It is in force whatever AUTH_MODE says; AUTH_MODE=custom makes sure that there is one.
 *
 * A rejection is a value. A throw, an answer that is neither an identity nor a rejection, and none within
 * WS_HANDSHAKE_TIMEOUT_MS are bugs: the client gets 503, the log the error.
 */
export abstract class Authenticator {
  abstract authenticate(request: IncomingMessage): Promise<Identity | Rejection> | Identity | Rejection;

  /** Judges a token a connected client sends to stay longer. The gateway refuses another user's. */
  abstract refresh(token: string): Promise<Identity | Rejection> | Identity | Rejection;
}
