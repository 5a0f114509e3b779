import { registerAs } from '@nestjs/config';
import { z } from 'zod';
import { list, port, Variables, type Environment } from '../config/variables.js';

/** A shorter key can be guessed with enough requests. */
const KEY_CHARACTERS_MIN = 16;
const KEYS_MAX = 16;

export const DEFAULT_OPS_PORT = 9866;

export const operationsVariables = new Variables({
  OPS_HOST: z
    .string()
    .default('127.0.0.1')
    .describe("address the operators' door listens on. Anyone who reaches it can read health and metrics"),
  OPS_PORT: port()
    .default(DEFAULT_OPS_PORT)
    .describe("port of the operators' door: /healthz, /readyz, /metrics, HTTP API; 0 = off"),
  API_KEYS: list()
    .refine((keys) => keys.length <= KEYS_MAX, `must be at most ${KEYS_MAX} keys`)
    .refine(
      (keys) => keys.every((key) => key.length >= KEY_CHARACTERS_MIN && /^[\x21-\x7e]+$/.test(key)),
      `every key must be at least ${KEY_CHARACTERS_MIN} visible ASCII characters`,
    )
    .default([])
    .describe(
      'secret: comma-separated bearer keys of the HTTP API, any of which is accepted; empty = the API is off',
    ),
});

/**
 * The values of the variables.
 *
 * `isPortNegotiable`: a second node on a developer's machine starts even if the default port is taken. If OPS_PORT is set,
 * or in production, the node must have its port.
 */
export function operationsSettings(env: Environment) {
  const isPortNegotiable = !env['OPS_PORT'] && env['NODE_ENV'] !== 'production';
  return { ...operationsVariables.parse(env), isPortNegotiable };
}

export const operationsConfig = registerAs('operations', () => operationsSettings(process.env));
