import { HttpException } from '@nestjs/common';

interface ErrorEntry {
  readonly status: number;
  readonly retryable: boolean;
  readonly message: string;
}

/** Every error of the HTTP API. Codes are for programs and never change; messages are for people and may change. */
export const API_ERRORS = {
  bad_request: { status: 400, retryable: false, message: 'The request is malformed' },
  bad_json: { status: 400, retryable: false, message: 'The body is not JSON in UTF-8' },
  bad_body: { status: 400, retryable: false, message: 'The body is JSON, but not what this endpoint takes' },
  bad_user_id: {
    status: 400,
    retryable: false,
    message: 'user_id must be a well-formed string of 1 to 128 bytes, or a safe integer',
  },
  bad_room: {
    status: 400,
    retryable: false,
    message:
      'A room has 1 to 255 characters of ASCII: a letter or digit, then none of * # $ @ & and no space',
  },
  bad_idempotency_key: {
    status: 400,
    retryable: false,
    message: 'Idempotency-Key must be 1 to 128 visible ASCII characters',
  },
  unauthorized: { status: 401, retryable: false, message: 'Send Authorization: Bearer and one of API_KEYS' },
  api_disabled: { status: 404, retryable: false, message: 'The HTTP API is off: API_KEYS is empty' },
  not_found: { status: 404, retryable: false, message: 'There is no such endpoint' },
  too_large: { status: 413, retryable: false, message: 'The body, or the message in it, is too large' },
  unsupported_media_type: {
    status: 415,
    retryable: false,
    message: 'Send JSON in UTF-8, with Content-Type: application/json',
  },
  idempotency_conflict: {
    status: 422,
    retryable: false,
    message: 'This Idempotency-Key was used for another request',
  },
  internal: {
    status: 500,
    retryable: true,
    message: 'The node failed to handle the request; its log has more',
  },
  congested: {
    status: 503,
    retryable: true,
    message: 'Queues towards other nodes are full; nothing was sent',
  },
  unavailable: {
    status: 503,
    retryable: true,
    message: 'No worker serves at the moment; nothing was done',
  },
} as const satisfies Record<string, ErrorEntry>;

export type ApiErrorCode = keyof typeof API_ERRORS;

export interface Problem {
  /** The place in the body, such as `user_ids.3`; empty: the whole body. */
  readonly path: string;
  readonly message: string;
}

/** The body of every error. */
export interface ErrorBody {
  readonly code: ApiErrorCode;
  readonly message: string;
  readonly retryable: boolean;
  readonly problems?: readonly Problem[];
}

export function errorBody(code: ApiErrorCode, problems?: readonly Problem[]): ErrorBody {
  const { message, retryable } = API_ERRORS[code];
  return { code, message, retryable, ...(problems === undefined ? {} : { problems }) };
}

/** An error whose answer is an entry of the table. */
export class ApiError extends HttpException {
  constructor(
    readonly code: ApiErrorCode,
    problems?: readonly Problem[],
  ) {
    super(errorBody(code, problems), API_ERRORS[code].status);
  }
}
