import { moduleFailed } from '../../telemetry/module-failures.js';
import { CLOSES, isApplicationClose, type CloseName } from '../../wire/codes.js';

/** RFC 6455 5.5: a close frame has 125 bytes, two of them the code. */
const REASON_BYTES_MAX = 123;

/** Why a connection is closed, and what its close frame says. */
export interface Closing {
  /** `ended`: the client or ws began it. */
  readonly why: CloseName | 'ended';
  readonly code: number;
  readonly reason: string;
}

/** The client or ws began it. The code is that of a close frame without one (RFC 6455 7.1.5). */
export const ENDED: Closing = { why: 'ended', code: 1005, reason: '' };

/** The core's own close. */
export function closingFor(why: CloseName): Closing {
  return { why, ...CLOSES[why] };
}

/**
 * A module's close of a client. A code that is not the application's is replaced by `failed`. A reason that is too long
 * is left out. Both are logged and counted as the module's mistake.
 */
export function closingByModule(
  code: number = CLOSES.kicked.code,
  reason = code === CLOSES.kicked.code ? CLOSES.kicked.reason : '',
): Closing {
  if (!isApplicationClose(code)) {
    misused(`${code} is no code of the application's`);
    return closingFor('failed');
  }
  const fits = typeof reason === 'string' && Buffer.byteLength(reason) <= REASON_BYTES_MAX;
  if (!fits) misused(`the reason is longer than ${REASON_BYTES_MAX} bytes`);
  return { why: 'kicked', code, reason: fits ? reason : '' };
}

function misused(why: string): void {
  moduleFailed('connection', "A module's close of a client", new RangeError(why));
}
