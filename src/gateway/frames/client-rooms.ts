import { Injectable, Logger } from '@nestjs/common';
import { Authentication } from '../../authentication/authentication.js';
import { RoomPresence } from '../../presence/room-presence.js';
import { Memberships } from '../../rooms/memberships.js';
import { RoomAccess } from '../../rooms/room-access.js';
import { FRAME_ERRORS, type FrameErrorCode } from '../../wire/codes.js';
import type { EventFrame } from '../../wire/incoming-frame.js';
import { doneFrame } from '../../wire/outgoing-frame.js';
import {
  joinAckFrame,
  leftFrame,
  readRooms,
  type JoinOutcome,
  type PresenceWish,
  type RoomEntry,
  type RoomsRequest,
} from '../../wire/room-frames.js';
import { isRoomName } from '../../wire/room-name.js';
import type { ClientConnection } from '../client/client-connection.js';
import { FRAME_BYTES, FrameRate } from './frame-rate.js';
import { allOf, ask, whenAnswered, type Verdict } from './policy-question.js';

const MESSAGES: Partial<Record<FrameErrorCode, string>> = {
  forbidden: 'You may not join this room',
  bad_frame: 'presence must be watch, enter or both, and info at most 1 KiB of JSON',
};

/**
 * The events `join` and `leave`. A connection is a member as soon as its policy allows it. The answer to a join comes
 * when every node is known to route to the room, so messages may come before it.
 */
@Injectable()
export class ClientRooms {
  constructor(
    private readonly memberships: Memberships,
    private readonly presence: RoomPresence,
    private readonly access: RoomAccess,
    private readonly rate: FrameRate,
    authentication: Authentication,
  ) {
    if (authentication.isInsecure && access.isByClaims) {
      new Logger(ClientRooms.name).warn(
        'ROOM_ACCESS=claims, and with AUTH_MODE=insecure no client has claims: nobody may join a room',
      );
    }
  }

  join(connection: ClientConnection, { id, data }: EventFrame): void {
    const request = this.#read(connection, id, data);
    if (request === null) return;
    this.rate.charge(connection, request.entries.length - 1);
    const refusals = allOf(request.entries.map((entry) => this.#judge(connection, entry)));
    whenAnswered(connection, data?.length ?? 0, refusals, (codes) =>
      this.#join(connection, request, codes, id),
    );
  }

  leave(connection: ClientConnection, { id, data }: EventFrame): void {
    const request = this.#read(connection, id, data);
    if (request === null) return;
    this.rate.charge(connection, request.entries.length - 1);
    const wrong = request.entries.find(({ room }) => !isRoomName(room));
    if (wrong !== undefined) {
      connection.refuseRoom(wrong.room, 'bad_room', id);
      return;
    }
    for (const { room } of request.entries) this.memberships.leave(connection, room);
    if (id !== null) connection.sendText(doneFrame(id));
  }

  /**
   * The connection's token was replaced: the connection leaves the rooms that the new token does not allow. Never
   * rejects.
   */
  async review(connection: ClientConnection): Promise<void> {
    const { policy } = this.access;
    const memberships = this.memberships.of(connection);
    const verdicts = await allOf(
      memberships.map(({ room }) =>
        ask(`${policy.constructor.name}.join`, () => policy.join(connection, room.name)),
      ),
    );
    for (const [index, membership] of memberships.entries()) {
      const { name } = membership.room;
      membership.forgetVerdict();
      if (verdicts[index] === false && this.memberships.leave(connection, name)) {
        connection.sendText(leftFrame(name, 'forbidden'));
      }
    }
    await this.#reviewWatching(connection);
  }

  /** The same for the rooms it looks at. */
  async #reviewWatching(connection: ClientConnection): Promise<void> {
    const { policy } = this.access;
    const rooms = this.memberships
      .of(connection)
      .map(({ room }) => room.name)
      .filter((room) => this.presence.isWatching(connection, room));
    const verdicts = await allOf(
      rooms.map((room) => ask(`${policy.constructor.name}.watch`, () => policy.watch(connection, room))),
    );
    for (const [index, room] of rooms.entries()) {
      if (verdicts[index] !== false) continue;
      this.presence.unwatch(connection, room);
      connection.refuseRoom(room, 'forbidden', null, 'You may not see who is in this room');
    }
  }

  #read(connection: ClientConnection, id: string | null, data: Buffer | undefined): RoomsRequest | null {
    if (!connection.isEnveloped) {
      connection.refuse('subprotocol_required', id);
      return null;
    }
    const request = readRooms(data);
    if (typeof request !== 'string') return request;
    connection.refuse(request, id);
    return null;
  }

  /** Null: it may be joined. */
  #judge(
    connection: ClientConnection,
    { room, presence }: RoomEntry,
  ): FrameErrorCode | null | Promise<FrameErrorCode | null> {
    if (!isRoomName(room)) return 'bad_room';
    if (presence === null) return 'bad_frame';
    const { policy } = this.access;
    const name = policy.constructor.name;
    const mayJoin = ask(`${name}.join`, () => policy.join(connection, room));
    if (!presence.watches) return mayJoin instanceof Promise ? mayJoin.then(refusalOf) : refusalOf(mayJoin);
    const mayWatch = ask(`${name}.watch`, () => policy.watch(connection, room));
    const verdicts = allOf([mayJoin, mayWatch]);
    return verdicts instanceof Promise ? verdicts.then(firstRefusalOf) : firstRefusalOf(verdicts);
  }

  #join(
    connection: ClientConnection,
    { entries, isBatch }: RoomsRequest,
    refusals: readonly (FrameErrorCode | null)[],
    id: string | null,
  ): void {
    const outcomes: JoinOutcome[] = [];
    let missing = entries.length;
    const settle = (index: number, outcome: JoinOutcome): void => {
      outcomes[index] = outcome;
      if (--missing > 0 || id === null) return;
      connection.sendText(joinAckFrame(id, outcomes, isBatch));
      connection.end();
    };
    if (id !== null) connection.begin();
    for (const [index, { room, presence }] of entries.entries()) {
      const refusal =
        refusals[index] ??
        this.#enter(connection, room, presence, (complete) => settle(index, { room, complete }));
      if (refusal === null) continue;
      if (id === null || !isBatch) {
        connection.refuseRoom(room, refusal, id, MESSAGES[refusal]);
        if (id !== null) connection.end();
        continue;
      }
      connection.countError(refusal);
      const { message, retryable } = FRAME_ERRORS[refusal];
      settle(index, { room, error: { code: refusal, message: MESSAGES[refusal] ?? message, retryable } });
    }
  }

  /** The connection is in the room from now on. `done` is called when every node routes to it, and its list is known. */
  #enter(
    connection: ClientConnection,
    room: string,
    wish: PresenceWish | null,
    done: (complete: boolean) => void,
  ): FrameErrorCode | null {
    const hasWish = wish !== null && (wish.watches || wish.enters);
    if (hasWish && this.presence.isFull) return 'limit_exceeded';
    let missing = 2;
    let isComplete = true;
    const answer = (complete: boolean): void => {
      isComplete &&= complete;
      if (--missing === 0) done(isComplete);
    };
    const refusal = this.memberships.join(connection, room, answer);
    const membership = this.memberships.find(connection, room);
    if (membership !== undefined && wish !== null && refusal === null) {
      this.presence.wish(membership, wish, {
        done: answer,
        listed: (bytes) => this.rate.charge(connection, Math.floor(bytes / FRAME_BYTES)),
      });
    }
    return refusal;
  }
}

function firstRefusalOf(verdicts: readonly Verdict[]): FrameErrorCode | null {
  return verdicts.map(refusalOf).find((refusal) => refusal !== null) ?? null;
}

function refusalOf(verdict: Verdict): FrameErrorCode | null {
  if (verdict === 'failed') return 'internal';
  return verdict ? null : 'forbidden';
}
