import { registerAs } from '@nestjs/config';
import { integer, Variables } from '../config/variables.js';

export const presenceVariables = new Variables({
  WATCHED_USERS_PER_CONNECTION: integer(1, 10_000)
    .default(256)
    .describe(
      'users whose coming and going one connection may watch; beyond it `watch` gets `limit_exceeded`',
    ),
  PRESENCE_GRACE_MS: integer(0, 600_000)
    .default(10_000)
    .describe(
      'how long a user is still shown as online when nothing is left of the user: who is back by then, on any node, was never gone',
    ),
  PRESENCE_MEMBERS_MAX: integer(1, 100_000)
    .default(1000)
    .describe('a room with more members is shown by two numbers, in place of the list of its members'),
});

export const presenceConfig = registerAs('presence', () => presenceVariables.parse(process.env));
