import { ANSWERS } from './answers.js';
import { MEMBERSHIP } from './membership.js';
import type { Mutation } from './mutation.js';
import { PRESENCE } from './presence.js';
import { RECORDS } from './records.js';
import { REPLICAS } from './replicas.js';
import { ROOM_PATHS } from './room-paths.js';
import { SESSIONS } from './sessions.js';

export const MUTATIONS: readonly Mutation[] = [
  ...SESSIONS,
  ...REPLICAS,
  ...RECORDS,
  ...MEMBERSHIP,
  ...ANSWERS,
  ...ROOM_PATHS,
  ...PRESENCE,
];
