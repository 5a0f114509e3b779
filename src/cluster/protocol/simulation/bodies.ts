/**
 * The bodies of messages. Their bytes depend on the message and on the place in the body, so that mixed-up parts are
 * noticed. The bytes of 256 messages are kept, because to compute them again for each message takes long.
 */
import { BODY_BYTES_MIN } from './message-log.js';

const KINDS = 256;
const SHORTEST = 1_024;

const patterns: Buffer[] = Array.from({ length: KINDS }, () => Buffer.alloc(0));

export function bodyOf(id: number, length: number): Buffer {
  const bytes = Math.max(length, BODY_BYTES_MIN);
  const body = Buffer.allocUnsafe(bytes);
  patternOf(id % KINDS, bytes).copy(body, 0, 0, bytes);
  body.writeUInt32LE(id, 0);
  return body;
}

function patternOf(kind: number, length: number): Buffer {
  const known = patterns[kind] as Buffer;
  if (known.length >= length) return known;
  const pattern = Buffer.alloc(Math.max(SHORTEST, 2 * length));
  for (let index = 0; index < pattern.length; index++) pattern[index] = index * 7 + (index >> 8) + kind;
  patterns[kind] = pattern;
  return pattern;
}
