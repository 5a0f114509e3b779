import { registerAs } from '@nestjs/config';
import { hostname } from 'node:os';
import { z } from 'zod';
import { integer, secrets, Variables, type Environment } from '../config/variables.js';
import { printable } from '../telemetry/excerpt.js';
import { reachProblems } from '../udp-broadcast/udp-broadcast.config.js';

/** A shorter secret can be guessed offline from one recorded datagram. */
const SECRET_BYTES_MIN = 32;

const BUSES = ['udp', 'nats', 'redis', 'plain', 'none', 'custom'] as const;
/** Those that speak the cluster protocol, which the secret seals. */
const SEALED_BUSES: readonly unknown[] = ['udp', 'nats', 'redis'];
/** Those whose datagrams a broker carries. */
const BROKERED_BUSES: readonly unknown[] = ['nats', 'redis'];

export const clusterVariables = new Variables(
  {
    CLUSTER_BUS: z
      .enum(BUSES, `must be one of ${BUSES.join(', ')}`)
      .default('udp')
      .describe(
        '`udp`; `nats`, `redis` = the same protocol through a broker ([carriers](carriers.md)); `plain` = bare JSON datagrams, insecure, for running beside the program that Lanfare replaces; `none` = a single node; `custom`: a module of your own provides the Bus',
      ),
    CLUSTER_NAME: z
      .string()
      .max(64, 'must be at most 64 characters')
      .default('lanfare')
      .describe(
        'clusters of different names on one LAN do not hear each other (the name is in the key derivation)',
      ),
    CLUSTER_SECRET: secrets(SECRET_BYTES_MIN)
      .default([])
      .describe(
        'secret: at least 32 bytes of UTF-8; up to three, comma-separated: the first seals, all open. Empty: a fixed development key, loudly warned; refused with NODE_ENV=production',
      ),
    CLUSTER_MIN_NODES: integer(1, 128)
      .default(1)
      .describe('`/readyz` fails while fewer nodes are up, this one included'),
    NODE_NAME: z
      .string()
      .max(64, 'must be at most 64 characters')
      .refine((name) => printable(name) === name, 'must have no control characters: it begins log lines')
      .optional()
      .transform((name) => name ?? defaultNodeName(process.env))
      .describe('a label in logs and metrics, never an identity. Default hostname:port'),
  },
  (values, { production, env }) => {
    if (!production || !SEALED_BUSES.includes(values.CLUSTER_BUS)) return [];
    const message = 'must be set in production: anyone on the network could read and forge';
    const secretProblems =
      values.CLUSTER_SECRET?.length === 0 ? [{ variable: 'CLUSTER_SECRET', message }] : [];
    return values.CLUSTER_BUS === 'udp' ? [...secretProblems, ...reachProblems(env)] : secretProblems;
  },
);

export const clusterConfig = registerAs('cluster', () => clusterVariables.parse(process.env));

/** Whether a broker carries the nodes' datagrams, so that UDP is not used. */
export function isBrokered(env: Environment): boolean {
  return BROKERED_BUSES.includes(env['CLUSTER_BUS']);
}

/** The name of a node without NODE_NAME. */
export function defaultNodeName(env: Environment): string {
  return `${hostname().slice(0, 58)}:${env['PORT'] ?? '8866'}`;
}
