import { z } from 'zod';
import { FRAME_ERRORS } from '../../wire/codes.js';
import { INFO_BYTES_MAX, ROOMS_PER_FRAME_MAX } from '../../wire/room-frames.js';
import { isRoomName } from '../../wire/room-name.js';
import { USER_ID_BYTES_MAX, userIdFromText } from '../../wire/user-id.js';

/**
 * The client protocol's frames as schemas. The AsyncAPI document is made from them. The server reads frames without
 * them, as bytes (wire/incoming-frame.ts); a property test compares the schemas with that reader.
 */

const SHORT_BYTES_MAX = 64;

const shortText = (least: number) =>
  z
    .string()
    .min(least)
    .max(SHORT_BYTES_MAX)
    .refine((text) => text.isWellFormed() && Buffer.byteLength(text) <= SHORT_BYTES_MAX, 'is too long');

/** JSON.parse returns -0 for "-0", which is no id. */
const integer = z.int().refine((value) => !Object.is(value, -0), 'is no integer');

const id = z
  .union([shortText(0), integer])
  .meta({ description: 'Asks for an answer, which has the same id. At most 64 bytes' });

const userId = z
  .union([
    z
      .string()
      .min(1)
      .max(USER_ID_BYTES_MAX)
      .refine((text) => userIdFromText(text) !== null, 'is no user id'),
    integer,
  ])
  .meta({ description: '1 to 128 bytes of UTF-8, or a safe integer; 2 and "2" are the same user' });

const anyJson = z
  .unknown()
  .refine((value) => value !== undefined, 'is missing')
  .meta({ description: 'Any JSON value; null is one' });

const volatileFlag = z.boolean().optional().meta({
  description:
    'True: fresh beats certain. Not repaired, dropped first where anything is full. Without message_id',
});

/** Nobody repeats a volatile message. */
const isOneOfTwo = (what: { volatile?: boolean | undefined; message_id?: string | null | undefined }) =>
  what.volatile !== true || (what.message_id ?? null) === null;

const message = {
  user_id: userId,
  data: anyJson,
  message_id: shortText(1)
    .nullish()
    .meta({ description: 'A name of your own: a retry with the same one is recognised' }),
  volatile: volatileFlag,
};

const room = z
  .string()
  .refine(isRoomName, 'is no name of a room')
  .meta({
    description:
      'A letter or digit, then printable ASCII without spaces and * # $ @ &; 255 characters at most',
    examples: ['chat:42'],
  });

const roomEntry = z.looseObject({ room });

const roomToJoin = z.looseObject({
  room,
  presence: z
    .enum(['watch', 'enter', 'both'])
    .nullish()
    .meta({ description: 'To be told who is there, to be seen, or both' }),
  info: anyJson
    .optional()
    .meta({ description: `What the others see of who enters: at most ${INFO_BYTES_MAX} bytes of JSON` }),
});

const roomsToJoin = z.union([
  roomToJoin,
  z.looseObject({
    rooms: z
      .array(z.union([room, roomToJoin]))
      .min(1)
      .max(ROOMS_PER_FRAME_MAX),
  }),
]);

const roomOrRooms = z.union([
  roomEntry,
  z.looseObject({
    rooms: z
      .array(z.union([room, roomEntry]))
      .min(1)
      .max(ROOMS_PER_FRAME_MAX),
  }),
]);

/** What clients send. Other members are ignored. */
export const clientFrames = {
  send: z
    .looseObject({
      event: z.literal('send'),
      id: id.optional(),
      data: z.looseObject(message).refine(isOneOfTwo, 'is volatile and has a message_id'),
    })
    .meta({ description: 'A message to every device of a user' }),
  plainSend: z
    .looseObject({ ...message, id: id.optional() })
    .refine(isOneOfTwo, 'is volatile and has a message_id')
    .meta({ description: 'The same as a frame without event, the form of clients without subprotocol' }),
  join: z
    .looseObject({ event: z.literal('join'), id: id.optional(), data: roomsToJoin })
    .meta({ description: 'Joins rooms. Answered by ack when every node is known to route to them' }),
  leave: z
    .looseObject({ event: z.literal('leave'), id: id.optional(), data: roomOrRooms })
    .meta({ description: 'Leaves rooms: nothing of them follows the ack' }),
  publish: z
    .looseObject({
      event: z.literal('publish'),
      id: id.optional(),
      data: z
        .looseObject({
          room,
          data: anyJson,
          message_id: message.message_id,
          echo: z.boolean().optional().meta({ description: 'False: not to the own connection' }),
          volatile: volatileFlag,
        })
        .refine(isOneOfTwo, 'is volatile and has a message_id'),
    })
    .meta({ description: 'A message to every member of a room that one is in' }),
  watch: z
    .looseObject({
      event: z.literal('watch'),
      id: id.optional(),
      data: z.looseObject({ user_ids: z.array(userId).min(1) }),
    })
    .meta({ description: 'Tells from now on who of these users comes and goes, too. Answered by ack' }),
  unwatch: z
    .looseObject({
      event: z.literal('unwatch'),
      id: id.optional(),
      data: z.looseObject({ user_ids: z.array(userId).optional() }).optional(),
    })
    .meta({ description: 'Ends that for some users, or for all. Answered by ack' }),
  ping: z
    .looseObject({ event: z.literal('ping'), id: id.optional() })
    .meta({ description: 'Answered by pong: for clients that cannot send WebSocket pings' }),
  refresh: z
    .looseObject({
      event: z.literal('refresh'),
      id: id.optional(),
      data: z.looseObject({ token: z.string() }),
    })
    .meta({ description: 'A newer token of the same user, to stay longer. Answered by ack or error' }),
} as const;

const expiresAt = z.number().meta({ description: 'Seconds since the epoch, as in the token' });

const refusal = z.object({
  code: z.string().meta({ examples: Object.keys(FRAME_ERRORS) }),
  message: z.string(),
  retryable: z.boolean(),
});

const member = z.object({
  user_id: z.string(),
  devices: z.int().min(1),
  info: z.unknown().optional().meta({ description: 'Of the device that joined last' }),
});

/** What clients of lanfare.v1.json get. */
export const serverFrames = {
  ready: z
    .object({
      event: z.literal('ready'),
      data: z.object({
        user_id: z.string(),
        connection_id: z.string(),
        node_id: z.string(),
        limits: z.object({ payload_bytes: z.int().meta({ description: 'What a message may have' }) }),
      }),
    })
    .meta({ description: 'The first frame: from now on the whole cluster reaches this connection' }),
  message: z
    .object({
      event: z.literal('message'),
      data: z.object({
        from: z.string().nullable().meta({ description: 'Null: from the application itself' }),
        data: anyJson,
      }),
    })
    .meta({ description: "A message to this connection's user" }),
  roomMessage: z
    .object({
      event: z.literal('message'),
      data: z.object({
        room,
        from: z.string().nullable().meta({ description: 'Null: from the application itself' }),
        data: anyJson,
        message_id: z.string().optional(),
      }),
    })
    .meta({ description: 'A message to a room that this connection is in' }),
  broadcast: z
    .object({
      event: z.literal('message'),
      data: z.object({
        broadcast: z.literal(true),
        from: z.string().nullable().meta({ description: 'Null: from the application itself' }),
        data: anyJson,
      }),
    })
    .meta({ description: 'A message to every connection' }),
  joined: z
    .object({ event: z.literal('joined'), data: z.object({ room }) })
    .meta({ description: 'The server put this connection into a room' }),
  left: z
    .object({
      event: z.literal('left'),
      data: z.object({ room, reason: z.enum(['removed', 'forbidden']) }),
    })
    .meta({ description: 'The server took it out. It should not join again' }),
  presence: z
    .object({
      event: z.literal('presence'),
      data: z.union([
        z.object({ online: z.array(z.string()) }),
        z.object({ offline: z.array(z.string()).meta({ description: 'They have been gone for a while' }) }),
        z.object({
          room,
          members: z.array(member),
          more: z.literal(true).optional().meta({ description: 'The list goes on in the next frame' }),
        }),
        z.object({ room, count: z.object({ users: z.int().min(0), devices: z.int().min(0) }) }),
        z.object({
          room,
          joined: z.array(member).optional(),
          updated: z.array(member).optional(),
          left: z.array(z.string()).optional(),
        }),
      ]),
    })
    .meta({
      description:
        'Watched users who came online, or went offline. Of a room: the list of its members, changes of it, or two numbers where they are too many',
    }),
  ack: z
    .object({
      event: z.literal('ack'),
      id,
      data: z
        .union([
          z.object({
            delivered: z.int().min(0).meta({ description: 'Connections, cluster-wide; 0: offline' }),
            complete: z.boolean().meta({ description: 'False: perhaps more than were counted' }),
          }),
          z.object({
            online: z.array(z.string()).meta({ description: 'Of the users of a watch' }),
            complete: z.boolean().meta({ description: 'False: others may be online too' }),
          }),
          z.object({ expires_at: expiresAt.nullable() }),
          z.object({ room, complete: z.boolean() }),
          z.object({
            rooms: z.array(
              z.union([
                z.object({ room, complete: z.boolean() }),
                z.object({ room: z.string(), error: refusal }),
              ]),
            ),
          }),
        ])
        .optional(),
    })
    .meta({
      description:
        'Done; of a send or publish with what became of it, of a refresh with the new end, of a join with each room, of a watch with who is online',
    }),
  pong: z.object({ event: z.literal('pong'), id: id.optional() }),
  error: z
    .object({
      event: z.literal('error'),
      id: id.optional(),
      data: refusal.extend({
        room: z.string().optional().meta({ description: 'The room that it is about' }),
      }),
    })
    .meta({ description: 'A frame was refused; the connection stays' }),
  tokenExpiring: z
    .object({ event: z.literal('token_expiring'), data: z.object({ expires_at: expiresAt }) })
    .meta({ description: 'Time to send refresh' }),
} as const;
