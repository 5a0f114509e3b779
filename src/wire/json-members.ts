/**
 * Reads JSON text as bytes: whether it is JSON, and where its parts are, so that a value can be passed on as its sender
 * wrote it. It takes one pass and makes no values. JSON.parse would make thousands of values that nobody asked for,
 * which costs up to fifty times as much. A property test checks that the two accept the same texts.
 *
 * Texts are valid UTF-8: others are refused before they come here.
 */
import { endOfPlainText } from './plain-text.js';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const MINUS = 0x2d;
const PLUS = 0x2b;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const SPACE = 0x20;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
/** Added to the code of an opening brace or bracket it gives the code of the closing one. */
const TO_CLOSING = 2;
const LETTER_U = 0x75;

const TRUE = Buffer.from('true');
const FALSE = Buffer.from('false');
const NULL = Buffer.from('null');

/** What may follow a backslash, except `u` and its four digits. */
const ESCAPED = new Set(Buffer.from('"\\/bfnrt'));

/** Instead of an index: the text is not JSON from here on. */
const NOWHERE = -1;

/** The raw texts of some of an object's members. */
export interface Members<Name extends string> {
  get(name: Name): Buffer | undefined;
  has(name: Name): boolean;
}

/**
 * The raw texts of those members of a JSON object that have one of `names`. As with JSON.parse the last of equal names
 * counts, and names are compared unescaped.
 *
 * @param names of letters, digits and `_`
 */
export function membersOf<Name extends string>(
  json: Buffer,
  names: readonly Name[],
): Members<Name> | 'no json' | 'no object' {
  const begin = skipBlanks(json, 0);
  if (json[begin] !== OPEN_BRACE) return isWhole(json, endOfValue(json, begin)) ? 'no object' : 'no json';
  // spans, not views: there may be thousands of members with one name
  const starts = names.map(() => NOWHERE);
  const ends = names.map(() => NOWHERE);
  let at = skipBlanks(json, begin + 1);
  if (json[at] !== CLOSE_BRACE) {
    for (;;) {
      const start = startOfMember(json, at);
      const end = start === NOWHERE ? NOWHERE : endOfValue(json, start);
      if (end === NOWHERE) return 'no json';
      const index = indexOfName(json, at + 1, names);
      if (index >= 0) {
        starts[index] = start;
        ends[index] = end;
      }
      at = skipBlanks(json, end);
      if (json[at] !== COMMA) break;
      at = skipBlanks(json, at + 1);
    }
    if (json[at] !== CLOSE_BRACE) return 'no json';
  }
  if (!isWhole(json, at + 1)) return 'no json';
  const members = new Map<Name, Buffer>();
  for (const [index, start] of starts.entries()) {
    if (start !== NOWHERE) members.set(names[index] as Name, json.subarray(start, ends[index]));
  }
  return members;
}

/**
 * The raw texts of an array's elements.
 *
 * @param json text that JSON.parse accepts as an array; for other texts the result has no meaning
 */
export function elementsOf(json: Buffer): Buffer[] {
  const elements: Buffer[] = [];
  let at = skipBlanks(json, skipBlanks(json, 0) + 1);
  for (;;) {
    const end = endOfValue(json, at);
    if (end === NOWHERE) return elements;
    elements.push(json.subarray(at, end));
    at = skipBlanks(json, skipBlanks(json, end) + 1);
  }
}

/** The string that a member's text stands for; null: it is no string. */
export function stringOf(json: Buffer): string | null {
  return json[0] === QUOTE ? (JSON.parse(json.toString('utf8')) as string) : null;
}

/** Whether nothing follows the value that ends at `end`. */
function isWhole(json: Buffer, end: number): boolean {
  return end !== NOWHERE && skipBlanks(json, end) === json.length;
}

function skipBlanks(json: Buffer, at: number): number {
  while (isBlank(json[at])) at++;
  return at;
}

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** Where the value of the member that begins at `at` begins. */
function startOfMember(json: Buffer, at: number): number {
  const end = endOfString(json, at);
  if (end === NOWHERE) return NOWHERE;
  const colon = skipBlanks(json, end);
  return json[colon] === COLON ? skipBlanks(json, colon + 1) : NOWHERE;
}

/** The index after the value that begins at `at`; -1: it is not JSON. Containers may be nested to any depth: nothing recurses. */
export function endOfValue(json: Buffer, at: number): number {
  const open: number[] = [];
  for (;;) {
    const byte = json[at] as number;
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      at = skipBlanks(json, at + 1);
      if (json[at] !== byte + TO_CLOSING) {
        open.push(byte);
        if (byte === OPEN_BRACE) at = startOfMember(json, at);
        if (at === NOWHERE) return NOWHERE;
        continue;
      }
      at++;
    } else {
      at = endOfScalar(json, at);
      if (at === NOWHERE) return NOWHERE;
    }
    // a value has ended; if it is the last of its container, the container ends too
    for (;;) {
      const container = open.at(-1);
      if (container === undefined) return at;
      at = skipBlanks(json, at);
      if (json[at] === COMMA) {
        at = skipBlanks(json, at + 1);
        if (container === OPEN_BRACE) at = startOfMember(json, at);
        if (at === NOWHERE) return NOWHERE;
        break;
      }
      if (json[at] !== container + TO_CLOSING) return NOWHERE;
      open.pop();
      at++;
    }
  }
}

function endOfScalar(json: Buffer, at: number): number {
  switch (json[at]) {
    case QUOTE:
      return endOfString(json, at);
    case 0x74:
      return endOfWord(json, at, TRUE);
    case 0x66:
      return endOfWord(json, at, FALSE);
    case 0x6e:
      return endOfWord(json, at, NULL);
    default:
      return endOfNumber(json, at);
  }
}

function endOfWord(json: Buffer, at: number, word: Buffer): number {
  for (let i = 0; i < word.length; i++) if (json[at + i] !== word[i]) return NOWHERE;
  return at + word.length;
}

/** The index after the closing quote of the string that begins at `at`. */
function endOfString(json: Buffer, at: number): number {
  if (json[at] !== QUOTE) return NOWHERE;
  for (let i = endOfPlainText(json, at + 1); i < json.length; i++) {
    const byte = json[i] as number;
    if (byte === QUOTE) return i + 1;
    if (byte < SPACE) return NOWHERE;
    if (byte !== BACKSLASH) continue;
    const escaped = json[++i] as number;
    if (escaped === LETTER_U) {
      for (let digit = 0; digit < 4; digit++) if (hexDigit(json[++i]) < 0) return NOWHERE;
    } else if (!ESCAPED.has(escaped)) {
      return NOWHERE;
    }
  }
  return NOWHERE;
}

function endOfNumber(json: Buffer, at: number): number {
  if (json[at] === MINUS) at++;
  let end = json[at] === ZERO ? at + 1 : endOfDigits(json, at);
  if (end !== NOWHERE && json[end] === POINT) end = endOfDigits(json, end + 1);
  if (end !== NOWHERE && (json[end] === 0x65 || json[end] === 0x45)) {
    const sign = json[end + 1];
    end = endOfDigits(json, sign === PLUS || sign === MINUS ? end + 2 : end + 1);
  }
  return end;
}

/** The index after a run of at least one digit. */
function endOfDigits(json: Buffer, at: number): number {
  let end = at;
  while (isDigit(json[end])) end++;
  return end > at ? end : NOWHERE;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}

/** The digit's value; -1: it is no hexadecimal digit. */
function hexDigit(byte: number | undefined): number {
  if (byte === undefined) return -1;
  if (isDigit(byte)) return byte - ZERO;
  const letter = (byte | 0x20) - 0x61;
  return letter >= 0 && letter < 6 ? letter + 10 : -1;
}

/** The index in `names` of the string whose text begins at `at`; -1: it is none of them. */
function indexOfName(json: Buffer, at: number, names: readonly string[]): number {
  for (let index = 0; index < names.length; index++) {
    if (isSpelled(json, at, names[index] as string)) return index;
  }
  return -1;
}

/**
 * Whether the string whose text begins at `at` is `name`, escaped or not. No name has a quote, so the string's end
 * stops the comparison.
 */
function isSpelled(json: Buffer, at: number, name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    let unit = json[at++] as number;
    if (unit === BACKSLASH) {
      // \u0075 is the only way to escape what names are made of
      if (json[at] !== LETTER_U || json[at + 1] !== ZERO || json[at + 2] !== ZERO) return false;
      unit = hexDigit(json[at + 3]) * 16 + hexDigit(json[at + 4]);
      at += 5;
    }
    if (unit !== name.charCodeAt(i)) return false;
  }
  return json[at] === QUOTE;
}
