import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { MessagePolicy } from '../../messaging/message-policy.js';
import type { Membership } from '../../rooms/room.js';
import { RoomAccess } from '../../rooms/room-access.js';
import { connectionContext, connectionOf } from '../client/testing/connection-context.js';
import { PublishPermission } from './publish-permission.js';

class OlderThanRooms extends MessagePolicy {
  allows(): boolean {
    return true;
  }
}

class OfRoomsToo extends OlderThanRooms {
  override allowsToRoom(): boolean {
    return true;
  }
}

const config = { ROOM_ACCESS: 'open', ROOMS_PER_CONNECTION: 1, ROOMS_MEMBERSHIPS_MAX: 1 } as const;
const member = { mayPublish: true, room: { name: 'hall' } } as unknown as Membership;
const message = { room: 'hall', from: 'ann', data: Buffer.from('1') };

describe('a message to a room', () => {
  const warn = jest.spyOn(Logger.prototype, 'warn').mockReturnValue();

  afterEach(() => {
    warn.mockClear();
  });

  it.each([
    ['is allowed where there is no policy', undefined, true, 0],
    ['is refused by a policy that knows of no rooms, and the start says so', new OlderThanRooms(), false, 1],
    ['is what a policy that knows of rooms says', new OfRoomsToo(), true, 0],
  ])('%s', (_, policy, verdict, warnings) => {
    const permission = new PublishPermission(new RoomAccess(config), policy);
    const connection = connectionOf('ann', connectionContext({}));
    expect(permission.judge(connection, member, message)).toBe(verdict);
    expect(warn).toHaveBeenCalledTimes(warnings);
  });
});
