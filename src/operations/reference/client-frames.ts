import { z } from 'zod';
import { FRAME_ERRORS } from '../../wire/codes.js';
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

const message = {
  user_id: userId,
  data: anyJson,
  message_id: shortText(1)
    .nullish()
    .meta({ description: 'A name of your own: a retry with the same one is recognised' }),
};

/** What clients send. Other members are ignored. */
export const clientFrames = {
  send: z
    .looseObject({ event: z.literal('send'), id: id.optional(), data: z.looseObject(message) })
    .meta({ description: 'A message to every device of a user' }),
  plainSend: z
    .looseObject({ ...message, id: id.optional() })
    .meta({ description: 'The same as a frame without event, the form of clients without subprotocol' }),
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
          z.object({ expires_at: expiresAt.nullable() }),
        ])
        .optional(),
    })
    .meta({ description: 'Done; of a send with what became of it, of a refresh with the new end' }),
  pong: z.object({ event: z.literal('pong'), id: id.optional() }),
  error: z
    .object({
      event: z.literal('error'),
      id: id.optional(),
      data: z.object({
        code: z.string().meta({ examples: Object.keys(FRAME_ERRORS) }),
        message: z.string(),
        retryable: z.boolean(),
      }),
    })
    .meta({ description: 'A frame was refused; the connection stays' }),
  tokenExpiring: z
    .object({ event: z.literal('token_expiring'), data: z.object({ expires_at: expiresAt }) })
    .meta({ description: 'Time to send refresh' }),
} as const;
