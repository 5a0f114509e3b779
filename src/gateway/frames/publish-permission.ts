import { Injectable, Logger, Optional } from '@nestjs/common';
import { MessagePolicy } from '../../messaging/message-policy.js';
import { RoomAccess } from '../../rooms/room-access.js';
import type { Membership } from '../../rooms/room.js';
import type { RoomMessage } from '../../wire/message.js';
import type { ClientConnection } from '../client/client-connection.js';
import { ask, type Verdict } from './policy-question.js';

/**
 * Whether a member may publish: what the RoomPolicy says, and then the MessagePolicy, if the application has one. The
 * RoomPolicy is asked once for each membership, the MessagePolicy for each message.
 */
@Injectable()
export class PublishPermission {
  constructor(
    private readonly access: RoomAccess,
    @Optional() private readonly policy?: MessagePolicy,
  ) {
    if (policy?.allowsToRoom !== MessagePolicy.prototype.allowsToRoom) return;
    new Logger(PublishPermission.name).warn(
      `${policy.constructor.name} has no allowsToRoom: what clients publish to rooms is refused (forbidden)`,
    );
  }

  /** The member may publish, and nobody has to be asked. */
  isGiven({ mayPublish }: Membership): boolean {
    return mayPublish === true && this.policy === undefined;
  }

  /** Asks whoever has to be asked. Never throws or rejects. */
  judge(
    connection: ClientConnection,
    membership: Membership,
    message: RoomMessage,
  ): Verdict | Promise<Verdict> {
    const { policy } = this;
    const mayPublish = this.#judgeMember(connection, membership);
    if (policy === undefined) return mayPublish;
    const allows = (): Verdict | Promise<Verdict> =>
      ask(`${policy.constructor.name}.allowsToRoom`, () => policy.allowsToRoom(connection, message));
    if (mayPublish instanceof Promise)
      return mayPublish.then((verdict) => (verdict === true ? allows() : verdict));
    return mayPublish === true ? allows() : mayPublish;
  }

  #judgeMember(connection: ClientConnection, membership: Membership): Verdict | Promise<Verdict> {
    if (membership.mayPublish !== undefined) return membership.mayPublish;
    const { policy } = this.access;
    const { name } = membership.room;
    const remember = (verdict: Verdict): Verdict => {
      if (verdict !== 'failed') membership.remember(verdict);
      return verdict;
    };
    const verdict = ask(`${policy.constructor.name}.publish`, () => policy.publish(connection, name));
    return verdict instanceof Promise ? verdict.then(remember) : remember(verdict);
  }
}
