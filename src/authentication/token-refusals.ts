import { Logger, type LoggerService } from '@nestjs/common';
import { LogBudget } from '../telemetry/log-budget.js';

/** Why a token is refused, for operators. Clients get a code of wire/codes.ts. docs/operations.md has the table. */
export const TOKEN_REFUSALS = {
  no_token: 'None was brought',
  several_tokens: 'More than one was brought, or two `Authorization` headers',
  malformed: 'It is no JSON Web Token, or its claims have wrong types',
  wrong_algorithm: 'No key is configured for its `alg`, or its `crit` is not understood',
  bad_signature: 'Its key did not sign it: another secret, or it was changed',
  unknown_key: '`AUTH_JWKS_URL` publishes no usable key for its `kid` and `alg`',
  expired: 'Its `exp` is over',
  not_yet_valid: 'Its `nbf` is still to come',
  wrong_issuer: 'Its `iss` is not `AUTH_JWT_ISSUER`',
  wrong_audience: 'Its `aud` does not have `AUTH_JWT_AUDIENCE`',
  no_expiry: 'It has no `exp`, or one that is no number',
  bad_subject: 'Its `sub` is missing, or no id of a user',
  keys_unavailable: '`AUTH_JWKS_URL` cannot be read: the token may be good',
  other_user: "In `refresh`: it is not a token of the connection's user",
} as const;

export type TokenRefusal = keyof typeof TOKEN_REFUSALS;

/**
 * Counts refused tokens since the start, by reason. At level debug some refusals are logged, never the token itself.
 */
export class TokenRefusals {
  /** Plain fields that only grow. */
  readonly counts = Object.fromEntries(Object.keys(TOKEN_REFUSALS).map((reason) => [reason, 0])) as Record<
    TokenRefusal,
    number
  >;
  readonly #lines: LogBudget;

  constructor(logger: Required<Pick<LoggerService, 'debug'>> = new Logger('Authentication')) {
    this.#lines = new LogBudget({ warn: (line: string): void => void logger.debug(line) });
  }

  count(reason: TokenRefusal): void {
    this.counts[reason]++;
    this.#lines.warn(reason, `A token was refused as ${reason}. ${TOKEN_REFUSALS[reason]}`);
  }
}
