import type { IncomingMessage } from 'node:http';

/** The user that a connection speaks for. */
export interface Identity {
  /** In canonical form (see wire/user-id.ts). An id in another form is refused. */
  readonly userId: string;
  /** When the connection must end unless refreshed, in milliseconds since the epoch; null: never. */
  readonly expiresAt: number | null;
  /** What else is known of the client: `Connection.claims`. It is kept unchanged as long as the connection lasts. */
  readonly claims?: Readonly<Record<string, unknown>>;
}

/**
 * `unauthorized`: the credentials are not valid (401). `bad_user_id`: they are valid, but name no usable user id (400).
 * `unavailable`: they can't be checked right now (503); the client may try again.
 */
export type Rejection = 'unauthorized' | 'bad_user_id' | 'unavailable';

/**
 * Says who a client is, before the upgrade. An application provides its own in a global module:
 *
 *     @Global()
 *     @Module({
 *       providers: [{ provide: Authenticator, useClass: SessionCookieAuthenticator }],
 *       exports: [Authenticator],
 *     })
 *     export class SessionModule {}
 *
 * It is used whatever AUTH_MODE says. With AUTH_MODE=custom the start fails if there is none.
 *
 * A rejection is a returned value. A throw, an answer that is neither an identity nor a rejection, and no answer within
 * WS_HANDSHAKE_TIMEOUT_MS are bugs: the client gets 503, and the error is logged.
 */
export abstract class Authenticator {
  abstract authenticate(request: IncomingMessage): Promise<Identity | Rejection> | Identity | Rejection;

  /** Checks a token that a connected client sends to stay longer. The gateway refuses a token of another user. */
  abstract refresh(token: string): Promise<Identity | Rejection> | Identity | Rejection;
}
