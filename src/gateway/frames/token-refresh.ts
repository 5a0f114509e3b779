import { Inject, Injectable } from '@nestjs/common';
import type { ConfigType } from '@nestjs/config';
import { Authentication } from '../../authentication/authentication.js';
import type { Identity, Rejection } from '../../authentication/authenticator.js';
import type { TokenRefusal } from '../../authentication/token-refusals.js';
import { checkVerdict } from '../../authentication/verdict.js';
import { moduleFailed } from '../../telemetry/module-failures.js';
import type { EventFrame } from '../../wire/incoming-frame.js';
import { membersOf, stringOf } from '../../wire/json-members.js';
import { refreshedFrame } from '../../wire/outgoing-frame.js';
import type { ClientConnection } from '../client/client-connection.js';
import { gatewayConfig } from '../gateway.config.js';
import { inTime } from '../../waiting/within.js';
import { ClientRooms } from './client-rooms.js';
import { ClientWatches } from './client-watches.js';

/** The event `refresh`: a newer token of the same user lets the connection live longer. Reading waits for the verdict. */
@Injectable()
export class TokenRefresh {
  constructor(
    private readonly authentication: Authentication,
    private readonly rooms: ClientRooms,
    private readonly watches: ClientWatches,
    @Inject(gatewayConfig.KEY) private readonly config: ConfigType<typeof gatewayConfig>,
  ) {}

  /** Never rejects. */
  async handle(connection: ClientConnection, { id, data }: EventFrame): Promise<void> {
    connection.begin();
    connection.intake.pause('refresh');
    const verdict = await this.#judge(connection, tokenOf(data));
    if (typeof verdict === 'object') {
      connection.renew(verdict);
      await this.rooms.review(connection);
      await this.watches.review(connection);
      if (id !== null) connection.sendText(refreshedFrame(id, verdict.expiresAt));
    } else {
      const code = verdict === 'unavailable' ? 'authentication_unavailable' : 'token_rejected';
      connection.refuse(code, id);
    }
    connection.intake.resume('refresh');
    connection.end();
  }

  async #judge(connection: ClientConnection, token: string | null): Promise<Identity | Rejection> {
    if (token === null) return this.#refuse('no_token');
    if (connection.isAnonymous) return this.#refuse('other_user');
    const verdict = await this.#ask(token);
    const isAnother = typeof verdict === 'object' && verdict.userId !== connection.userId;
    return isAnother ? this.#refuse('other_user') : verdict;
  }

  #refuse(reason: TokenRefusal): Rejection {
    this.authentication.refusals.count(reason);
    return 'unauthorized';
  }

  async #ask(token: string): Promise<Identity | Rejection> {
    const { authenticator } = this.authentication;
    try {
      const judging: Promise<unknown> = Promise.resolve(authenticator.refresh(token));
      return checkVerdict(await inTime(this.config.WS_HANDSHAKE_TIMEOUT_MS, judging));
    } catch (error) {
      moduleFailed('authenticator', `${authenticator.constructor.name}.refresh`, error);
      return 'unavailable';
    }
  }
}

function tokenOf(data: Buffer | undefined): string | null {
  const members = data === undefined ? 'no object' : membersOf(data, ['token']);
  const token = typeof members === 'string' ? undefined : members.get('token');
  return token === undefined ? null : stringOf(token);
}
