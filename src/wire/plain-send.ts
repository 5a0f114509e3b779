/**
 * The fast path into the server: recognises the plain shape of a send
 *
 *     {"user_id":2,"data":"haha"}      {"user_id":"u2","data":{"text":"haha"},"id":7}
 *
 * in its bytes, without JSON.parse. It may decline any frame: the general path decides then. It must never accept what
 * JSON.parse would refuse, or read it differently. The spec and a property test compare the two.
 */
import { endOfValue } from './json-members.js';
import { endOfPlainText } from './plain-text.js';
import { USER_ID_BYTES_MAX } from './user-id.js';

export interface SendFrame {
  readonly kind: 'send';
  /** The request's id as JSON text, or null. */
  readonly id: string | null;
  readonly to: string;
  /** The sender's JSON text, verbatim. */
  readonly data: Buffer;
  /** The client's own name for the message, by which a retry is recognised. */
  readonly messageId: string | null;
  readonly isVolatile: boolean;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
const SPACE = 0x20;
const DELETE = 0x7f;
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
/** 15 digits are always a safe integer. */
const DIGITS_MAX = 15;
const ID_BYTES_MAX = 64;

const USER_ID = Buffer.from('{"user_id":');
const DATA = Buffer.from(',"data":');
const ID = Buffer.from(',"id":');
const TRUE = Buffer.from('true');
const FALSE = Buffer.from('false');
const NULL = Buffer.from('null');

/** @param frame a text frame's payload, valid UTF-8. Returns null for anything but the plain shape. */
export function scanPlainSend(frame: Buffer): SendFrame | null {
  const idStart = skipToken(frame, 0, USER_ID);
  if (idStart < 0) return null;
  const idEnd = endOfPlainId(frame, idStart, USER_ID_BYTES_MAX);
  if (idEnd < 0) return null;
  const dataStart = skipToken(frame, idEnd, DATA);
  if (dataStart < 0) return null;
  const dataEnd = endOfPlainValue(frame, dataStart);
  if (dataEnd < 0) return null;

  let id: string | null = null;
  let end = dataEnd;
  if (frame[end] === 0x2c) {
    const start = skipToken(frame, end, ID);
    if (start < 0) return null;
    end = endOfPlainId(frame, start, ID_BYTES_MAX);
    if (end < 0) return null;
    id = frame.toString('latin1', start, end);
  }
  if (frame[end] !== 0x7d || end + 1 !== frame.length) return null;

  const isText = frame[idStart] === QUOTE;
  return {
    kind: 'send',
    id,
    to: isText ? frame.toString('latin1', idStart + 1, idEnd - 1) : frame.toString('latin1', idStart, idEnd),
    data: frame.subarray(dataStart, dataEnd),
    messageId: null,
    isVolatile: false,
  };
}

/** The index after `token` and one blank that may follow its colon or comma (as Python's json.dumps writes it). */
function skipToken(frame: Buffer, at: number, token: Buffer): number {
  for (let i = 0; i < token.length; i++) {
    if (frame[at] !== token[i]) return -1;
    at++;
    if (token[i] === 0x2c && frame[at] === SPACE) at++;
  }
  return frame[at] === SPACE ? at + 1 : at;
}

/** An integer of up to 15 digits, or a string of 1 to `bytesMax` printable ASCII characters without escapes. */
function endOfPlainId(frame: Buffer, at: number, bytesMax: number): number {
  if (frame[at] !== QUOTE) return endOfPlainInteger(frame, at);
  const start = at + 1;
  for (let i = start; i <= start + bytesMax; i++) {
    const byte = frame[i];
    if (byte === undefined || byte < SPACE || byte >= DELETE || byte === BACKSLASH) return -1;
    if (byte === QUOTE) return i > start ? i + 1 : -1;
  }
  return -1;
}

function endOfPlainInteger(frame: Buffer, at: number): number {
  const start = frame[at] === MINUS ? at + 1 : at;
  let end = start;
  while (isDigit(frame[end])) end++;
  const digits = end - start;
  if (digits === 0 || digits > DIGITS_MAX) return -1;
  if (frame[start] === ZERO && (digits > 1 || start > at)) return -1;
  return end;
}

/** A string without escapes, an integer, true, false, null, or an array or object of any values. */
function endOfPlainValue(frame: Buffer, at: number): number {
  switch (frame[at]) {
    case QUOTE: {
      const end = endOfPlainText(frame, at + 1);
      return frame[end] === QUOTE ? end + 1 : -1;
    }
    case 0x74:
      return endOfWord(frame, at, TRUE);
    case 0x66:
      return endOfWord(frame, at, FALSE);
    case 0x6e:
      return endOfWord(frame, at, NULL);
    case OPEN_BRACE:
    case OPEN_BRACKET:
      return endOfValue(frame, at);
    default:
      return endOfPlainInteger(frame, at);
  }
}

function endOfWord(frame: Buffer, at: number, word: Buffer): number {
  for (let i = 0; i < word.length; i++) if (frame[at + i] !== word[i]) return -1;
  return at + word.length;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}
