import { describe, expect, it } from '@jest/globals';
import type { Connection } from '../connections/connection.js';
import { ClaimsRoomPolicy } from './claims-room-policy.js';

const withClaim = (rooms?: unknown): Connection => ({ claims: { rooms } }) as unknown as Connection;

describe('what the claim `rooms` allows', () => {
  const policy = new ClaimsRoomPolicy();
  const may = (rooms: unknown, room: string) => {
    const connection = withClaim(rooms);
    return [policy.join(connection, room), policy.publish(connection, room)];
  };

  it.each([
    ['nothing without a claim', undefined, 'a', [false, false]],
    ['nothing where no pattern matches', ['b', 'aa'], 'a', [false, false]],
    ['a room by its name', ['b', 'a'], 'a', [true, true]],
    ['all rooms that begin so', ['chat:*'], 'chat:42', [true, true]],
    ['all rooms', ['*'], 'anything', [true, true]],
    ['only to listen', [{ room: 'news:*', publish: false }], 'news:1', [true, false]],
    ['what the first that matches says', [{ room: 'n', publish: false }, '*'], 'n', [true, false]],
    [
      'what the first that matches says, the other way round',
      ['*', { room: 'n', publish: false }],
      'n',
      [true, true],
    ],
  ])('is %s', (_name, rooms, room, allowed) => {
    expect(may(rooms, room)).toEqual(allowed);
  });

  it('skips and counts what is no pattern', () => {
    const counted = new ClaimsRoomPolicy();
    const entries = [7, null, '', 'a*b', {}, { room: 'a', publish: 'no' }, ['a']];
    expect(counted.join(withClaim([...entries, 'a']), 'a')).toBe(true);
    expect(counted.malformed).toBe(entries.length);
    expect(counted.join(withClaim('a'), 'a')).toBe(false);
    expect(counted.malformed).toBe(entries.length + 1);
  });
});
