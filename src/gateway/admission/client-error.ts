interface ClientError {
  readonly reason: 'too_slow' | 'too_large' | 'bad_request';
  readonly status: number;
}

/** Errors that the timer and the parser of Node find, with the status that Node itself would answer. */
const CLIENT_ERRORS = new Map<string, ClientError>([
  ['ERR_HTTP_REQUEST_TIMEOUT', { reason: 'too_slow', status: 408 }],
  ['HPE_HEADER_OVERFLOW', { reason: 'too_large', status: 431 }],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', { reason: 'too_large', status: 413 }],
]);
const NO_HTTP: ClientError = { reason: 'bad_request', status: 400 };

/** What a client did wrong; null: its connection broke. */
export function clientErrorOf({ code = '' }: NodeJS.ErrnoException): ClientError | null {
  return CLIENT_ERRORS.get(code) ?? (code.startsWith('HPE_') ? NO_HTTP : null);
}
