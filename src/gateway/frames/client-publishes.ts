import { Injectable } from '@nestjs/common';
import { Memberships } from '../../rooms/memberships.js';
import { RoomMessaging } from '../../rooms/room-messaging.js';
import type { Membership } from '../../rooms/room.js';
import type { EventFrame } from '../../wire/incoming-frame.js';
import type { RoomMessage } from '../../wire/message.js';
import { readPublish, type PublishRequest } from '../../wire/room-frames.js';
import type { ClientConnection } from '../client/client-connection.js';
import { Congestion } from './congestion.js';
import { FrameRate } from './frame-rate.js';
import { answerWithOutcome } from './outcome-answer.js';
import { whenAnswered, type Verdict } from './policy-question.js';
import { PublishPermission } from './publish-permission.js';

/**
 * Writing to so many members is charged like a frame: some 10 us each. At the usual rate, the most that a client can
 * cause by publishing is a fifth of a core.
 */
const MEMBERS_PER_FRAME = 100;

/** A message that a client publishes, and what becomes of it. */
interface Publish {
  readonly connection: ClientConnection;
  readonly message: RoomMessage;
  readonly echo: boolean;
  readonly id: string | null;
}

/** The event `publish`: messages of members to their rooms. */
@Injectable()
export class ClientPublishes {
  constructor(
    private readonly memberships: Memberships,
    private readonly messaging: RoomMessaging,
    private readonly permission: PublishPermission,
    private readonly rate: FrameRate,
    private readonly congestion: Congestion,
  ) {}

  /**
   * Returns false when queues towards other nodes are full: the connection is paused, and must pass the frame again
   * later.
   */
  handle(connection: ClientConnection, frame: EventFrame): boolean {
    const { id } = frame;
    if (!connection.isEnveloped) {
      connection.refuse('subprotocol_required', id);
      return true;
    }
    const request = readPublish(frame.data);
    if (typeof request === 'string') {
      connection.refuse(request, id);
      return true;
    }
    const { room, data, echo } = request;
    const membership = this.memberships.find(connection, room);
    if (membership === undefined) {
      connection.refuseRoom(room, 'not_joined', id);
      return true;
    }
    const message = messageOf(request, connection.userId);
    const publish = { connection, message, echo, id };
    if (this.permission.isGiven(membership)) return this.#post(publish, membership);
    const verdict = this.permission.judge(connection, membership, message);
    whenAnswered(connection, data.length, verdict, (answer) => this.#obey(answer, publish, membership));
    return true;
  }

  #obey(verdict: Verdict, publish: Publish, membership: Membership): void {
    const { connection, message, id } = publish;
    const { room } = message;
    // the connection may have been taken out of the room before the policy answered
    const isMember = this.memberships.find(connection, room) === membership;
    if (verdict === 'failed') connection.refuseRoom(room, 'internal', id);
    else if (!verdict) connection.refuseRoom(room, 'forbidden', id, 'You may not publish to this room');
    else if (!isMember) connection.refuseRoom(room, 'not_joined', id);
    else if (!this.#post(publish, membership)) connection.refuseRoom(room, 'congested', id);
  }

  /** Returns false, and does not answer, when the connection waits for the queues towards other nodes. */
  #post({ connection, message, echo, id }: Publish, { room }: Membership): boolean {
    const answer = answerWithOutcome(connection, id);
    const refusal = this.messaging.post(message, echo ? null : connection, answer);
    if (message.isVolatile !== true) this.congestion.hasSent(connection);
    if (refusal !== null && answer !== null) connection.end();
    if (refusal === null) this.rate.charge(connection, Math.floor(room.size / MEMBERS_PER_FRAME));
    else if (refusal === 'congested' && connection.intake.isPaused) return false;
    else connection.refuseRoom(room.name, refusal, id);
    return true;
  }
}

function messageOf({ room, data, messageId, isVolatile }: PublishRequest, from: string): RoomMessage {
  if (isVolatile) return { room, from, data, isVolatile };
  return messageId === null ? { room, from, data } : { room, from, data, messageId };
}
