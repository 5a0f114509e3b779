/**
 * Where the members of a JSON object stand in its text. JSON.parse has judged the text before: this only finds
 * spans, so that a value can be passed on as the bytes its sender wrote.
 */
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/**
 * The raw texts of an object's members by name. As with JSON.parse the last of equal names counts, and names are
 * compared unescaped.
 *
 * @param json UTF-8 text that JSON.parse accepts as an object; anything else gives nonsense
 */
export function membersOf(json: Buffer): Map<string, Buffer> {
  const members = new Map<string, Buffer>();
  let at = skipBlanks(json, json.indexOf(OPEN_BRACE) + 1);
  while (json[at] === QUOTE) {
    const nameEnd = endOfString(json, at);
    const name = JSON.parse(json.toString('utf8', at, nameEnd)) as string;
    at = skipBlanks(json, json.indexOf(COLON, nameEnd) + 1);
    const end = endOfValue(json, at);
    members.set(name, json.subarray(at, end));
    at = skipBlanks(json, end);
    if (json[at] === COMMA) at = skipBlanks(json, at + 1);
  }
  return members;
}

/**
 * The raw texts of an array's elements.
 *
 * @param json UTF-8 text that JSON.parse accepts as an array; anything else gives nonsense
 */
export function elementsOf(json: Buffer): Buffer[] {
  const elements: Buffer[] = [];
  let at = skipBlanks(json, json.indexOf(OPEN_BRACKET) + 1);
  while (at < json.length && json[at] !== CLOSE_BRACKET) {
    const end = endOfValue(json, at);
    elements.push(json.subarray(at, end));
    at = skipBlanks(json, end);
    if (json[at] === COMMA) at = skipBlanks(json, at + 1);
  }
  return elements;
}

function skipBlanks(json: Buffer, at: number): number {
  while (isBlank(json[at])) at++;
  return at;
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** The index after the closing quote of the string that starts at `at`. */
function endOfString(json: Buffer, at: number): number {
  for (let i = at + 1; i < json.length; i++) {
    if (json[i] === BACKSLASH) i++;
    else if (json[i] === QUOTE) return i + 1;
  }
  return json.length;
}

function endOfValue(json: Buffer, at: number): number {
  let depth = 0;
  for (let i = at; i < json.length; i++) {
    const byte = json[i];
    if (byte === QUOTE) {
      i = endOfString(json, i) - 1;
      if (depth === 0) return i + 1;
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      depth++;
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      if (depth === 0) return i;
      depth--;
      if (depth === 0) return i + 1;
    } else if (depth === 0 && (byte === COMMA || isBlank(byte))) {
      return i;
    }
  }
  return json.length;
}
