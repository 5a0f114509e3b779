import { registerAs } from '@nestjs/config';
import { z } from 'zod';
import { integer, Variables } from '../config/variables.js';

export const roomsVariables = new Variables({
  ROOM_ACCESS: z
    .enum(['claims', 'open', 'custom'], 'must be claims, open or custom')
    .default('claims')
    .describe(
      "`claims`: the token's claim `rooms`, a list of patterns, says who may join and publish; `open`: everybody may; `custom`: a module of your own provides the RoomPolicy",
    ),
  ROOMS_PER_CONNECTION: integer(1, 65_536)
    .default(128)
    .describe('rooms that one connection may be in; beyond it joins get `limit_exceeded`'),
  ROOMS_MEMBERSHIPS_MAX: integer(1, 100_000_000)
    .default(1_000_000)
    .describe("this node's, of all connections in all rooms; beyond it joins get `limit_exceeded`"),
});

export const roomsConfig = registerAs('rooms', () => roomsVariables.parse(process.env));
