import { registerAs } from '@nestjs/config';
import { z } from 'zod';
import { Variables, type Problem } from '../config/variables.js';

const problem = (variable: string, message: string): Problem[] => [{ variable, message }];
const SHAPE = 'is not redis[s]://[user[:password]@]host[:port][/database]';

export const redisVariables = new Variables(
  {
    REDIS_URL: z
      .string()
      .optional()
      .describe(
        'secret: `redis://user:password@host:6379/0`, or `rediss://…` with TLS. User, password, port and database may be left out; `%` and two hexadecimal digits stand for what a URL can not have. Needed with CLUSTER_BUS=redis',
      ),
    REDIS_CA: z
      .string()
      .optional()
      .describe(
        "file with the certificates (PEM) that sign the server's; empty: the system's. Only with `rediss://`",
      ),
  },
  ({ REDIS_URL: url, REDIS_CA: ca }, { env }) => {
    if (url === undefined) {
      const isNeeded = env['CLUSTER_BUS'] === 'redis';
      return isNeeded ? problem('REDIS_URL', 'must be set with CLUSTER_BUS=redis: redis://host:6379') : [];
    }
    const address = redisAddress(url);
    if (address === null) return problem('REDIS_URL', SHAPE);
    if (ca !== undefined && !address.isEncrypted) {
      return problem('REDIS_CA', 'is of no use without TLS: REDIS_URL begins with redis://, not rediss://');
    }
    return [];
  },
);

export const redisConfig = registerAs('redis', () => redisVariables.parse(process.env));

/** The values of the variables. */
export type RedisSettings = ReturnType<typeof redisVariables.parse>;

export interface RedisAddress {
  readonly isEncrypted: boolean;
  readonly host: string;
  readonly port: number;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
}

/** What a REDIS_URL says; null: it is none. */
export function redisAddress(text: string): RedisAddress | null {
  if (!URL.canParse(text)) return null;
  const { hostname, password, pathname, port, protocol, username } = new URL(text);
  const [, database] = /^\/?(\d{0,5})$/.exec(pathname) ?? [];
  if (!['redis:', 'rediss:'].includes(protocol) || hostname === '' || database === undefined) return null;
  const user = decoded(username);
  const secret = decoded(password);
  if (user === null || secret === null) return null;
  return {
    isEncrypted: protocol === 'rediss:',
    // An IPv6 address stands in brackets in a URL.
    host: hostname.replaceAll(/^\[|\]$/g, ''),
    port: port === '' ? 6_379 : Number(port),
    user: user === '' ? undefined : user,
    password: secret === '' ? undefined : secret,
    database: Number(database),
  };
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
