import { describe, expect, it } from '@jest/globals';
import { readPublish, readRooms, roomDelivery } from './room-frames.js';

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

const NONE = { watches: false, enters: false, info: '' };

describe('the rooms of a join', () => {
  it.each([
    [{ room: 'a' }, { isBatch: false, entries: [{ room: 'a', presence: NONE }] }],
    [
      { room: 'a', presence: 'watch' },
      {
        isBatch: false,
        entries: [{ room: 'a', presence: { watches: true, enters: false, info: '' } }],
      },
    ],
    [
      {
        rooms: [
          { room: 'a', presence: 'enter', info: { x: 1 } },
          { room: 'b', presence: 'both' },
        ],
      },
      {
        isBatch: true,
        entries: [
          { room: 'a', presence: { watches: false, enters: true, info: '{"x":1}' } },
          { room: 'b', presence: { watches: true, enters: true, info: '' } },
        ],
      },
    ],
    [
      {
        rooms: [
          { room: 'a', presence: 'all' },
          { room: 'b', presence: 'both', info: 'x'.repeat(1023) },
        ],
      },
      {
        isBatch: true,
        entries: [
          { room: 'a', presence: null },
          { room: 'b', presence: null },
        ],
      },
    ],
    [
      { room: 'a', presence: 'enter', info: 'x'.repeat(1022) },
      {
        isBatch: false,
        entries: [{ room: 'a', presence: { watches: false, enters: true, info: `"${'x'.repeat(1022)}"` } }],
      },
    ],
    [
      { rooms: ['a', { room: 'no room', presence: null }] },
      {
        isBatch: true,
        entries: [
          { room: 'a', presence: NONE },
          { room: 'no room', presence: NONE },
        ],
      },
    ],
    [{}, 'bad_room'],
    [{ room: 7 }, 'bad_room'],
    [[], 'bad_frame'],
    ['a', 'bad_frame'],
    [{ rooms: [] }, 'bad_frame'],
    [{ rooms: {} }, 'bad_frame'],
    [{ rooms: ['a', 7] }, 'bad_frame'],
    [{ rooms: [{}] }, 'bad_frame'],
    [{ rooms: Array.from({ length: 129 }, () => 'a') }, 'bad_frame'],
  ])('of %j are %j', (data, expected) => {
    expect(readRooms(json(data))).toEqual(expected);
  });

  it('are 128 at most', () => {
    expect(readRooms(json({ rooms: Array.from({ length: 128 }, () => 'a') }))).toMatchObject({
      isBatch: true,
    });
    expect(readRooms(undefined)).toBe('bad_frame');
  });
});

describe('a publish', () => {
  it('has a room, data, and perhaps a name of its own and no echo', () => {
    expect(readPublish(Buffer.from('{"room":"a","data": 1.0 }'))).toEqual({
      room: 'a',
      data: Buffer.from('1.0'),
      messageId: null,
      echo: true,
      isVolatile: false,
    });
    expect(readPublish(json({ room: 'a', data: 1, message_id: null, volatile: true }))).toMatchObject({
      isVolatile: true,
    });
    expect(
      readPublish(json({ room: 'a', data: null, message_id: 'm', echo: false, volatile: false })),
    ).toEqual({
      room: 'a',
      data: Buffer.from('null'),
      messageId: 'm',
      echo: false,
      isVolatile: false,
    });
  });

  it.each([
    ['bad_room', { data: 1 }],
    ['bad_room', { room: 'a b', data: 1 }],
    ['missing_data', { room: 'a' }],
    ['bad_message_id', { room: 'a', data: 1, message_id: 7 }],
    ['bad_frame', { room: 'a', data: 1, echo: 1 }],
    ['bad_frame', { room: 'a', data: 1, volatile: 1 }],
    ['bad_frame', { room: 'a', data: 1, volatile: true, message_id: 'm' }],
    ['bad_frame', 7],
  ])('is %s when it is %j', (code, data) => {
    expect(readPublish(json(data))).toBe(code);
  });
});

describe('a message to a room', () => {
  const payload = (event?: string, messageId?: string) =>
    roomDelivery({
      room: 'a"b',
      from: 'ann',
      data: Buffer.from('1.0'),
      ...(event !== undefined && { event }),
      ...(messageId !== undefined && { messageId }),
    }).payload.toString();

  it('has the sender’s text, and the event’s name where it has one', () => {
    expect(payload()).toBe('{"event":"message","data":{"room":"a\\"b","from":"ann","data":1.0}}');
    expect(payload(undefined, 'm')).toBe(
      '{"event":"message","data":{"room":"a\\"b","from":"ann","data":1.0,"message_id":"m"}}',
    );
    expect(payload('typing')).toBe('{"event":"typing","data":1.0}');
  });

  it('is framed as a whole', () => {
    for (const length of [5, 125, 126, 65_535, 65_536]) {
      const { bytes, payload: body } = roomDelivery({
        room: 'a',
        from: null,
        data: Buffer.alloc(length, '1'),
        event: 'e',
      });
      expect(bytes.subarray(bytes.length - body.length).equals(body)).toBe(true);
      expect(bytes[0]).toBe(0x81);
      const header = body.length < 126 ? 2 : body.length < 65_536 ? 4 : 10;
      expect(bytes.length - body.length).toBe(header);
    }
  });
});
