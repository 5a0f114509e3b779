import type { ErrorCode } from './protocol.js';

/** Why the server, or the client itself, did not do what it was asked for. */
export class LanfareError extends Error {
  override name = 'LanfareError';

  constructor(
    /** A code from the tables of docs/client-protocol.md, or one of the client's own codes. */
    readonly code: ErrorCode,
    message: string,
    /** The same call may succeed later, unchanged. */
    readonly retryable = false,
  ) {
    super(`${code}: ${message}`);
  }
}

/** Nothing was sent: it is safe to try again. */
export class NotConnected extends LanfareError {
  override name = 'NotConnected';

  constructor(message: string) {
    super('not_connected', message, true);
  }
}

/** It was sent and never answered: it may have arrived, or not. A retry with the same `messageId` does not double it. */
export class OutcomeUnknown extends LanfareError {
  override name = 'OutcomeUnknown';

  constructor(message: string) {
    super('outcome_unknown', message);
  }
}
