import { stringOf } from './json-members.js';

/**
 * Ids of users. A well-formed string of 1 to 128 bytes of UTF-8, or a safe integer; 2 and "2" are the same user,
 * "02" is another one. Inside the server an id is always the canonical string.
 */
export const USER_ID_BYTES_MAX = 128;

const ZERO = 0x30;
const NINE = 0x39;

/** The canonical form of an id given as text (query string, token claim), or null. */
export function userIdFromText(text: string): string | null {
  if (text.length === 0 || text.length > USER_ID_BYTES_MAX) return null;
  if (!text.isWellFormed() || Buffer.byteLength(text) > USER_ID_BYTES_MAX) return null;
  return text;
}

/** The canonical form of an id given as a JavaScript value, or null. */
export function userIdFrom(value: unknown): string | null {
  if (typeof value === 'string') return userIdFromText(value);
  return Number.isSafeInteger(value) && !Object.is(value, -0) ? String(value) : null;
}

/**
 * The canonical form of an id given as JSON text, or null. A number that JSON.parse changes (9007199254740993,
 * 1.0000000000000000001, -0) is refused, not rounded to another user.
 *
 * @param json one JSON value
 */
export function userIdFromJson(json: Buffer): string | null {
  const text = stringOf(json);
  return text === null ? (integerFromJson(json)?.toString() ?? null) : userIdFromText(text);
}

/**
 * The safe integer that JSON text stands for exactly, however it is written; undefined: it stands for something else.
 *
 * @param json one JSON value
 */
export function integerFromJson(json: Buffer): number | undefined {
  if (json[0] === undefined || json[0] > NINE) return undefined; // no number: true, null, a container
  const text = json.toString('latin1');
  const value = Number(text);
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) return undefined;
  return isWrittenOut(value, text) ? value : undefined;
}

/** Whether `text`, a JSON number that parsed to `value`, is exactly the safe integer `value`. */
function isWrittenOut(value: number, text: string): boolean {
  const written = String(value);
  if (text === written) return true;
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  // digits x 10^shift, with trailing zeros moved into the shift: comparable however it is written
  const digits = (whole + fraction).replace(/^0+/, '');
  const significant = withoutTrailingZeros(digits);
  const shift = Number(exponent) - fraction.length + (digits.length - significant.length);
  if (significant === '') return value === 0;
  return shift >= 0 && shift <= 15 && sign + significant + '0'.repeat(shift) === written;
}

/** Uses a loop: the pattern /0+$/ would try again from each zero of each run that is not at the end. */
function withoutTrailingZeros(digits: string): string {
  let end = digits.length;
  while (digits.charCodeAt(end - 1) === ZERO) end--;
  return digits.slice(0, end);
}

/** Whether an id can be written as a JSON number (plain-datagram.ts): "2" can, "02" and "9007199254740993" can't. */
export function isCanonicalInteger(userId: string): boolean {
  return /^(0|-?[1-9]\d{0,15})$/.test(userId) && Number.isSafeInteger(Number(userId));
}
