import { registerAs } from '@nestjs/config';
import { z } from 'zod';
import { integer, secrets, Variables } from '../config/variables.js';

/** RFC 7518 3.2: an HS256 key must have at least the hash's 256 bits. */
const JWT_SECRET_BYTES_MIN = 32;

export const authenticationVariables = new Variables(
  {
    AUTH_MODE: z
      .enum(['jwt', 'insecure', 'custom'], 'must be jwt, insecure or custom')
      .default('jwt')
      .describe(
        '`insecure` believes `?user_id=` unchecked; refused with NODE_ENV=production, and a warning on a public HOST; `custom`: a module of your own provides the Authenticator',
      ),
    AUTH_JWT_SECRET: secrets(JWT_SECRET_BYTES_MIN)
      .default([])
      .describe(
        'secret: keys of HS256 tokens, at least 32 bytes each; up to three, comma-separated. Any of them is accepted; `npm run token` signs with the first',
      ),
    AUTH_JWKS_URL: z
      .url({ protocol: /^https?$/, error: 'must be an http(s) URL' })
      .optional()
      .describe('where the public keys of RS, PS, ES and Ed tokens are published'),
    AUTH_JWT_ISSUER: z.string().optional().describe('the claim `iss` must be this'),
    AUTH_JWT_AUDIENCE: z.string().optional().describe('the claim `aud` must be or contain this'),
    AUTH_CLOCK_TOLERANCE_S: integer(0, 600)
      .default(5)
      .describe(
        'seconds by which clocks may differ when a token is verified; the connection closes at `exp`',
      ),
  },
  ({ AUTH_MODE: mode, AUTH_JWT_SECRET: keys, AUTH_JWKS_URL: jwks }, { production }) => {
    if (mode === 'insecure') {
      return production
        ? [
            {
              variable: 'AUTH_MODE',
              message: 'insecure is refused with NODE_ENV=production: anyone could be anyone',
            },
          ]
        : [];
    }
    if (mode === 'jwt' && keys?.length === 0 && jwks === undefined) {
      return [{ variable: 'AUTH_MODE', message: 'jwt needs AUTH_JWT_SECRET or AUTH_JWKS_URL' }];
    }
    return [];
  },
);

export const authenticationConfig = registerAs('authentication', () =>
  authenticationVariables.parse(process.env),
);
