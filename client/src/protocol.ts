export const SUBPROTOCOL = 'lanfare.v1.json';
export const BEARER_PREFIX = 'lanfare.bearer.';
export const REFUSALS = 'lanfare.refusals';

export const TOKEN_EXPIRED = 4500;
export const REFUSED = 4510;

/** Of the code tables, and the client's own: `not_connected`, `outcome_unknown`, `buffer_full`. Gateways may have more. */
export type ErrorCode = string;

/** Any frame of the server. */
export interface Frame {
  readonly event: string;
  readonly id?: number;
  readonly data?: unknown;
}
