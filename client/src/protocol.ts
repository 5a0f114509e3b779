export const SUBPROTOCOL = 'lanfare.v1.json';
export const BEARER_PREFIX = 'lanfare.bearer.';
export const REFUSALS = 'lanfare.refusals';

export const TOKEN_EXPIRED = 4500;
export const REFUSED = 4510;

/** The client's own: nothing was sent, it may have arrived, too much is on its way. */
type ClientCode = 'not_connected' | 'outcome_unknown' | 'buffer_full';

/** Of docs/client-protocol.md: errors of frames, and refusals. */
export type ServerCode =
  | 'bad_json'
  | 'bad_frame'
  | 'bad_id'
  | 'bad_user_id'
  | 'bad_message_id'
  | 'missing_data'
  | 'unsupported_frame'
  | 'unknown_event'
  | 'too_large'
  | 'congested'
  | 'rate_limited'
  | 'forbidden'
  | 'token_rejected'
  | 'too_many_streams'
  | 'rejected'
  | 'authentication_unavailable'
  | 'internal'
  | 'not_found'
  | 'upgrade_required'
  | 'draining'
  | 'full'
  | 'too_many_from_address'
  | 'connecting_too_fast'
  | 'origin_not_allowed'
  | 'unauthorized'
  | 'bad_handshake'
  | 'bad_subprotocol'
  | 'subprotocol_required'
  | 'too_many_for_user'
  | 'bad_room'
  | 'not_joined'
  | 'limit_exceeded';

/** Any string is a code, because gateways may have codes of their own. The known codes are offered. */
export type ErrorCode = ClientCode | ServerCode | (string & {});

/** Any frame of the server. */
export interface Frame {
  readonly event: string;
  readonly id?: number;
  readonly data?: unknown;
}
