import { z } from 'zod';
import { userIdFromText } from '../../wire/user-id.js';

/** The requests and answers of the HTTP API. These schemas validate the requests, and /docs is made from them. */

const USERS_MAX = 1000;

const data = z
  .unknown()
  .refine((value) => value !== undefined, 'is missing; null is a value')
  .meta({ description: 'Any JSON value. Devices get it as it was written', examples: [{ text: 'hello' }] });

const userId = z
  .union([z.string(), z.int()])
  .refine((id) => !Object.is(id, -0) && userIdFromText(String(id)) !== null, 'is no user id')
  .meta({ description: 'String of 1 to 128 bytes, or a safe integer; 2 and "2" are the same user' });

export const messageBody = z.strictObject({ data });

export const batchBody = z.strictObject({
  user_ids: z
    .array(userId)
    .min(1)
    .max(USERS_MAX)
    .meta({ description: 'A user who is named twice gets it once', examples: [['1', 2]] }),
  data,
});

const outcome = {
  delivered: z.int().min(0).meta({
    description: 'Connections, cluster-wide, into whose outgoing queue the message went; 0: offline',
  }),
  complete: z.boolean().meta({
    description: 'False: it may have been, or may still be, delivered to devices not counted',
  }),
};

export const outcomeAnswer = z.object(outcome);

export const errorAnswer = z.object({
  code: z.string().meta({ description: 'Stable; for programs' }),
  message: z.string().meta({ description: 'For people' }),
  retryable: z.boolean().meta({ description: 'True: the same request may succeed later, unchanged' }),
  problems: z
    .array(z.object({ path: z.string(), message: z.string() }))
    .optional()
    .meta({ description: 'What is wrong with the body, and where' }),
});

export const batchAnswer = z.object({
  results: z
    .array(
      z.object({
        user_id: z.string(),
        delivered: outcome.delivered.optional(),
        complete: outcome.complete.optional(),
        error: errorAnswer
          .optional()
          .meta({ description: 'Instead of delivered and complete: it went nowhere' }),
      }),
    )
    .meta({ description: 'One a distinct user, in the order of user_ids' }),
});

const complete = z.boolean().meta({
  description: 'False: a node did not answer in time, or this bus cannot know which nodes there are',
});

export const userAnswer = z.object({
  user_id: z.string(),
  connections: z.array(
    z.object({
      connection_id: z.string(),
      node_id: z.string(),
      connected_at: z.iso.datetime().meta({ description: 'By the clock of its node' }),
    }),
  ),
  complete,
});

export const onlineAnswer = z.object({
  online: z.array(z.string()),
  complete: z.boolean().meta({
    description: 'False: it may be otherwise; the users of a node are still being learnt, or it is silent',
  }),
});

export const closedAnswer = z.object({ closed: z.int().min(0), complete });

export const roomAnswer = z.object({
  room: z.string(),
  users: z.int().min(0).meta({ description: 'A user counts once on each node' }),
  connections: z.int().min(0),
  complete,
});

export const membersAnswer = z.object({
  members: z.array(
    z.object({
      user_id: z.string(),
      devices: z.int().min(1).meta({ description: 'Connections that are in the room' }),
      info: z.unknown().optional().meta({ description: 'What it shows of itself, if it entered' }),
    }),
  ),
  next: z.string().nullable().meta({ description: 'For `after` of the next page; null: there is none' }),
  complete,
});

export const joinedAnswer = z.object({
  joined: z.int().min(0).meta({ description: 'Connections that are in the room now' }),
  complete: z.boolean().meta({
    description: 'False: a node did not answer in time, or is not known to route to the room yet',
  }),
});

export const removedAnswer = z.object({ removed: z.int().min(0), complete });

export const clusterAnswer = z.object({
  nodes: z
    .array(
      z.object({
        node_id: z.string().meta({ description: 'New at every start' }),
        name: z.string().meta({ description: 'NODE_NAME: a label, never an identity' }),
        address: z.string().nullable(),
        self: z.boolean(),
        state: z.enum(['pending', 'up', 'silent']),
        version: z.string(),
        round_trip_ms: z.number().nullable(),
        loss: z.number().meta({ description: 'Share of its datagrams repaired lately, 0 to 1' }),
        connections: z.int().nullable().meta({ description: 'Null: it did not answer' }),
        users: z.int().nullable(),
        uptime_ms: z.number(),
      }),
    )
    .meta({ description: 'As this node sees them; this node first' }),
});
