import { Injectable } from '@nestjs/common';
import { UserWatches } from '../../presence/user-watches.js';
import { RoomAccess } from '../../rooms/room-access.js';
import type { EventFrame } from '../../wire/incoming-frame.js';
import { doneFrame } from '../../wire/outgoing-frame.js';
import { readUserIds, usersFrames, watchAckFrame } from '../../wire/presence-frames.js';
import type { ClientConnection } from '../client/client-connection.js';
import { FrameRate } from './frame-rate.js';
import { ask, whenAnswered, type Verdict } from './policy-question.js';

/** Looking up so many users, and beginning to watch them, is charged like a frame: some 0.2 ms. */
const USERS_PER_FRAME = 16;

const FORBIDDEN = 'You may not watch these users';
const TOO_MANY = 'You watch as many users as you may, or the node does';

/** The events `watch` and `unwatch`: which users are online, and who comes and goes. */
@Injectable()
export class ClientWatches {
  constructor(
    private readonly watches: UserWatches,
    private readonly access: RoomAccess,
    private readonly rate: FrameRate,
  ) {}

  watch(connection: ClientConnection, { id, data }: EventFrame): void {
    if (!connection.isEnveloped) {
      connection.refuse('subprotocol_required', id);
      return;
    }
    const userIds = readUserIds(data) ?? 'bad_frame';
    if (typeof userIds === 'string' || userIds.length === 0) {
      connection.refuse(typeof userIds === 'string' ? userIds : 'bad_frame', id);
      return;
    }
    this.rate.charge(connection, Math.floor(userIds.length / USERS_PER_FRAME));
    whenAnswered(connection, data?.length ?? 0, this.#judge(connection, userIds), (verdict) =>
      this.#obey(verdict, connection, userIds, id),
    );
  }

  unwatch(connection: ClientConnection, { id, data }: EventFrame): void {
    if (!connection.isEnveloped) {
      connection.refuse('subprotocol_required', id);
      return;
    }
    const userIds = readUserIds(data);
    if (typeof userIds === 'string') {
      connection.refuse(userIds, id);
      return;
    }
    this.rate.charge(connection, Math.floor((userIds?.length ?? 0) / USERS_PER_FRAME));
    this.watches.unwatch(connection, userIds ?? null);
    if (id !== null) connection.sendText(doneFrame(id));
  }

  /** The connection's token was replaced: all its watches end if the new one does not allow them. Never rejects. */
  async review(connection: ClientConnection): Promise<void> {
    const userIds = this.watches.of(connection);
    if (userIds.length === 0 || (await this.#judge(connection, userIds)) !== false) return;
    this.watches.unwatch(connection, null);
    connection.refuse('forbidden', null, FORBIDDEN);
  }

  #judge(connection: ClientConnection, userIds: readonly string[]): Verdict | Promise<Verdict> {
    const { policy } = this.access;
    return ask(`${policy.constructor.name}.watchUsers`, () => policy.watchUsers(connection, userIds));
  }

  #obey(verdict: Verdict, connection: ClientConnection, userIds: readonly string[], id: string | null): void {
    if (verdict === 'failed') connection.refuse('internal', id);
    else if (!verdict) connection.refuse('forbidden', id, FORBIDDEN);
    else {
      const result = this.watches.watch(connection, userIds);
      if (result === 'limit_exceeded') connection.refuse('limit_exceeded', id, TOO_MANY);
      else if (id !== null) connection.sendText(watchAckFrame(id, result.online, result.complete));
      // without an id there is no ack, and what the client asked for comes as an event
      else for (const frame of usersFrames('online', result.online)) connection.sendText(frame);
    }
  }
}
