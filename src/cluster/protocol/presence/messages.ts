/**
 * What nodes say to each other about who is in a room, as JSON values. What cannot be read comes from another version, or
 * from a node with a bug. It is passed over.
 */
import type { Count, Entry } from './entry.js';

/** Changes of one node's set. `prev`: the serial of the changes before; 0: there were none, so this is the whole set. */
export interface Change {
  readonly kind: 'change';
  readonly room: string;
  readonly prev: number;
  readonly serial: number;
  readonly put: readonly Entry[];
  readonly del: readonly string[];
  readonly count: Count | null;
}

/** A part of a whole set. The parts are sent in one step, in order. */
export interface Whole {
  readonly kind: 'whole';
  readonly room: string;
  /** Of the last changes that the set has. */
  readonly serial: number;
  readonly part: number;
  readonly isLast: boolean;
  readonly put: readonly Entry[];
  readonly count: Count | null;
}

/** Tell me your whole sets of these rooms. */
export interface Question {
  readonly kind: 'ask';
  readonly rooms: readonly string[];
}

/** What you hold of my sets of these rooms may be wrong: ask. Null: of all rooms. */
export interface Stale {
  readonly kind: 'stale';
  readonly rooms: readonly string[] | null;
}

export type Message = Change | Whole | Question | Stale;

type WireEntry = readonly [connection: string, user: string, at: number, isLost: 0 | 1, info?: string];

/** As it is sent. */
export function written(message: Message): unknown {
  return 'put' in message ? { ...message, put: message.put.map(wireOf) } : message;
}

/** Null: it cannot be read. */
export function read(value: unknown): Message | null {
  try {
    return check(value as Record<string, unknown>);
  } catch {
    return null;
  }
}

function wireOf({ connection, user, at, isLost, info }: Entry): WireEntry {
  return info === '' ? [connection, user, at, isLost ? 1 : 0] : [connection, user, at, isLost ? 1 : 0, info];
}

/** @throws {TypeError} when it is no message */
function check(message: Record<string, unknown>): Message {
  const { kind } = message;
  if (kind === 'ask') return { kind, rooms: texts(message['rooms']) };
  if (kind === 'stale') return { kind, rooms: message['rooms'] === null ? null : texts(message['rooms']) };
  const room = text(message['room']);
  const serial = whole(message['serial']);
  const put = list(message['put']).map(entryOf);
  const count = countOf(message['count']);
  if (kind === 'change') {
    return { kind, room, serial, put, count, prev: whole(message['prev']), del: texts(message['del']) };
  }
  if (kind !== 'whole') throw new TypeError('no known kind');
  return { kind, room, serial, put, count, part: whole(message['part']), isLast: message['isLast'] === true };
}

function entryOf(value: unknown): Entry {
  const [connection, user, at, isLost, info = ''] = list(value);
  return {
    connection: text(connection),
    user: text(user),
    at: whole(at),
    isLost: isLost === 1,
    info: info === '' ? '' : text(info),
  };
}

function countOf(value: unknown): Count | null {
  if (value === null) return null;
  const { users, devices } = value as Record<string, unknown>;
  return { users: whole(users), devices: whole(devices) };
}

function list(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new TypeError('no list');
  return value as unknown[];
}

function texts(value: unknown): string[] {
  return list(value).map(text);
}

function text(value: unknown): string {
  if (typeof value !== 'string' || value === '') throw new TypeError('no text');
  return value;
}

function whole(value: unknown): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw new TypeError('no number');
  return value as number;
}
