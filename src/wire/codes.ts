/**
 * Every error and close code a client can meet, in one table: docs/client-protocol.md is checked against it.
 * `retryable` and the ranges of the close codes say what to do, so that a client needs no list of its own.
 */
interface ErrorEntry {
  /** True: the same request may succeed later, unchanged. */
  readonly retryable: boolean;
  readonly message: string;
}

/** Error frames. Each answers one frame; the connection stays open. */
export const FRAME_ERRORS = {
  bad_json: { retryable: false, message: 'The frame is not JSON' },
  bad_frame: { retryable: false, message: 'The frame is JSON, but not a request' },
  bad_id: { retryable: false, message: 'id must be a string or safe integer of at most 64 bytes' },
  bad_user_id: {
    retryable: false,
    message: 'user_id must be a well-formed string of 1 to 128 bytes, or a safe integer',
  },
  bad_message_id: { retryable: false, message: 'message_id must be a string of 1 to 64 bytes' },
  missing_data: { retryable: false, message: 'data is missing; null is a value' },
  bad_room: {
    retryable: false,
    message:
      'room must be 1 to 255 characters of ASCII: a letter or digit, then none of * # $ @ & and no space',
  },
  unsupported_frame: { retryable: false, message: 'Binary frames are not supported' },
  unknown_event: { retryable: false, message: 'No handler for this event' },
  too_large: { retryable: false, message: 'The message is too large for the cluster' },
  congested: { retryable: true, message: 'Queues towards other nodes are full; nothing was sent' },
  rate_limited: { retryable: true, message: 'Too many frames; this one was not handled' },
  forbidden: { retryable: false, message: 'You may not send this message' },
  not_joined: { retryable: false, message: 'You are not in this room: join it first' },
  limit_exceeded: { retryable: false, message: 'You are in as many rooms as you may be' },
  subprotocol_required: {
    retryable: false,
    message: 'Rooms and presence need the subprotocol lanfare.v1.json',
  },
  token_rejected: { retryable: false, message: 'The token was not accepted; the old one stays in force' },
  too_many_streams: {
    retryable: true,
    message: 'More of your requests go on being answered than may; this one was ended',
  },
  rejected: { retryable: false, message: 'The handler of this event rejected the request' },
  authentication_unavailable: { retryable: true, message: 'Tokens cannot be checked right now' },
  internal: { retryable: true, message: 'The server failed to handle the frame' },
} as const satisfies Record<string, ErrorEntry>;

export type FrameErrorCode = keyof typeof FRAME_ERRORS;

/** Refused upgrades: an HTTP answer with the entry as its body. No WebSocket is opened. */
export const UPGRADE_REFUSALS = {
  not_found: { status: 404, retryable: false, message: 'Nothing is served at this path' },
  upgrade_required: {
    status: 426,
    retryable: false,
    message: 'This path speaks WebSocket (version 13) only',
  },
  draining: { status: 503, retryable: true, message: 'This node is shutting down; connect to another one' },
  full: { status: 503, retryable: true, message: 'This node has all the connections it can take' },
  too_many_from_address: { status: 429, retryable: true, message: 'Too many connections from your address' },
  connecting_too_fast: { status: 503, retryable: true, message: 'Too many new connections a second' },
  origin_not_allowed: { status: 403, retryable: false, message: 'This origin may not connect' },
  unauthorized: { status: 401, retryable: false, message: 'A valid token is needed' },
  authentication_unavailable: { status: 503, retryable: true, message: 'Tokens cannot be checked right now' },
  bad_handshake: { status: 400, retryable: false, message: 'The WebSocket handshake is malformed' },
  bad_user_id: {
    status: 400,
    retryable: false,
    message: 'user_id must be given once: a well-formed string of 1 to 128 bytes',
  },
  bad_subprotocol: {
    status: 400,
    retryable: false,
    message: 'None of the offered subprotocols is spoken here',
  },
  subprotocol_required: { status: 400, retryable: false, message: 'Offer the subprotocol lanfare.v1.json' },
  too_many_for_user: {
    status: 429,
    retryable: true,
    message: 'This user has all the connections one may have',
  },
} as const satisfies Record<string, ErrorEntry & { status: number }>;

export type UpgradeRefusalCode = keyof typeof UPGRADE_REFUSALS;

interface CloseEntry {
  readonly code: number;
  readonly reason: string;
}

/** 1012 and 4000-4499: reconnect with back-off. 4500-4999: do not reconnect unchanged. The rest is RFC 6455's. */
export const CLOSES = {
  protocol_error: { code: 1002, reason: 'not a valid WebSocket frame' },
  bad_utf8: { code: 1007, reason: 'text that is not UTF-8' },
  policy_violation: { code: 1008, reason: 'too many fragments' },
  too_big: { code: 1009, reason: 'the message is too big' },
  failed: { code: 1011, reason: 'the server failed' },
  draining: { code: 1012, reason: 'node is shutting down' },
  slow_client: { code: 4000, reason: 'you read too slowly' },
  rate_limited: { code: 4001, reason: 'you send too fast' },
  heartbeat: { code: 4002, reason: 'no answer to pings' },
  unhandled: { code: 4003, reason: 'too much of what was sent waits to be handled' },
  token_expired: { code: 4500, reason: 'token expired' },
  kicked: { code: 4501, reason: 'closed by the application' },
} as const satisfies Record<string, CloseEntry>;

export type CloseName = keyof typeof CLOSES;

/**
 * The codes with which an application may close. Their range tells clients whether to come back. All other codes are
 * for the core.
 */
const APPLICATION_CLOSES = [
  [4100, 4499],
  [4600, 4999],
  [CLOSES.kicked.code, CLOSES.kicked.code],
] as const;

export function isApplicationClose(code: unknown): boolean {
  return (
    Number.isInteger(code) &&
    APPLICATION_CLOSES.some(([first, last]) => first <= (code as number) && (code as number) <= last)
  );
}

/** Refused upgrades of clients that offer `lanfare.refusals`. The reason that is sent is the refusal's code. */
export const REFUSAL_CLOSES = {
  refused_for_now: { code: 4010, reason: 'the code of a refusal that is retryable' },
  refused: { code: 4510, reason: 'the code of a refusal that is not retryable' },
} as const satisfies Record<string, CloseEntry>;

export function refusalClose(code: UpgradeRefusalCode): CloseEntry {
  const { refused_for_now: forNow, refused } = REFUSAL_CLOSES;
  return { code: (UPGRADE_REFUSALS[code].retryable ? forNow : refused).code, reason: code };
}
