import type { FrameErrorCode } from './codes.js';
import { readMessageId, readVolatile } from './incoming-frame.js';
import { elementsOf, membersOf, stringOf, type Members } from './json-members.js';
import type { BroadcastMessage, RoomMessage } from './message.js';
import { bareDelivery, DELIVERY_SUFFIX, eventPrefix } from './outgoing-frame.js';
import { isRoomName } from './room-name.js';
import { SharedFrame } from './shared-frame.js';

/** The data of `join`, `leave` and `publish`, and the frames that answer them. */

/** One room of a `join` or `leave`. */
export interface RoomEntry {
  /** As the client wrote it: perhaps no name of a room. */
  readonly room: string;
  /** What a join says of presence; null: it is not valid. */
  readonly presence: PresenceWish | null;
}

/** What a connection wants of who is in a room. */
export interface PresenceWish {
  /** It is told who is there. */
  readonly watches: boolean;
  /** The others see it. */
  readonly enters: boolean;
  /** What they see of it: JSON text; '': nothing. */
  readonly info: string;
}

export interface RoomsRequest {
  readonly entries: readonly RoomEntry[];
  /** It was asked with `rooms`, and is answered so. */
  readonly isBatch: boolean;
}

export interface PublishRequest {
  readonly room: string;
  /** The sender's JSON text, verbatim. */
  readonly data: Buffer;
  readonly messageId: string | null;
  /** False: the sender's own connection does not get it. */
  readonly echo: boolean;
  readonly isVolatile: boolean;
}

/** What became of one room of a `join`. */
export type JoinOutcome =
  | { readonly room: string; readonly complete: boolean }
  | {
      readonly room: string;
      readonly error: { readonly code: string; readonly message: string; readonly retryable: boolean };
    };

/** How many rooms one frame may name. */
export const ROOMS_PER_FRAME_MAX = 128;

const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
const NULL = 'null';

/** A member's `info` has at most so many bytes. */
export const INFO_BYTES_MAX = 1024;

const NO_PRESENCE: PresenceWish = { watches: false, enters: false, info: '' };

const ENTRY_MEMBERS = ['room', 'presence', 'info'] as const;
const ROOMS_MEMBERS = [...ENTRY_MEMBERS, 'rooms'] as const;
const PUBLISH_MEMBERS = ['room', 'data', 'message_id', 'echo', 'volatile'] as const;

/** Reads `{"room":…}` or `{"rooms":[…]}`. Whether the names are names of rooms is for the caller to see. */
export function readRooms(data: Buffer | undefined): RoomsRequest | FrameErrorCode {
  const members = data === undefined ? 'no object' : membersOf(data, ROOMS_MEMBERS);
  if (typeof members === 'string') return 'bad_frame';
  const list = members.get('rooms');
  if (list === undefined) {
    const entry = readEntry(members);
    return entry === null ? 'bad_room' : { entries: [entry], isBatch: false };
  }
  if (list[0] !== OPEN_BRACKET) return 'bad_frame';
  const elements = elementsOf(list);
  if (elements.length === 0 || elements.length > ROOMS_PER_FRAME_MAX) return 'bad_frame';
  const entries: RoomEntry[] = [];
  for (const element of elements) {
    const entry = readElement(element);
    if (entry === null) return 'bad_frame';
    entries.push(entry);
  }
  return { entries, isBatch: true };
}

export function readPublish(data: Buffer | undefined): PublishRequest | FrameErrorCode {
  const members = data === undefined ? 'no object' : membersOf(data, PUBLISH_MEMBERS);
  if (typeof members === 'string') return 'bad_frame';
  const room = stringMember(members, 'room');
  if (room === null || !isRoomName(room)) return 'bad_room';
  const body = members.get('data');
  if (body === undefined) return 'missing_data';
  const messageId = readMessageId(members.get('message_id'));
  if (messageId === undefined) return 'bad_message_id';
  const echo = members.get('echo')?.toString() ?? 'true';
  const isVolatile = readVolatile(members.get('volatile'), messageId);
  if ((echo !== 'true' && echo !== 'false') || isVolatile === undefined) return 'bad_frame';
  return { room, data: body, messageId, echo: echo === 'true', isVolatile };
}

/** A message to a room as all its members of `lanfare.v1.json` get it. */
export function roomDelivery(message: RoomMessage): SharedFrame {
  const { room, from, data, messageId, event, isVolatile } = message;
  if (event !== undefined) {
    return new SharedFrame([Buffer.from(eventPrefix(event)), data, END_OF_EVENT], isVolatile);
  }
  const head = `{"event":"message","data":{"room":${JSON.stringify(room)},"from":${JSON.stringify(from)},"data":`;
  const tail = messageId === undefined ? '}}' : `,"message_id":${JSON.stringify(messageId)}}}`;
  return new SharedFrame([Buffer.from(head), data, Buffer.from(tail)], isVolatile);
}

/** A message to everybody as connections of `lanfare.v1.json` get it. */
export function broadcastDelivery({ from, data }: BroadcastMessage): SharedFrame {
  const head = `{"event":"message","data":{"broadcast":true,"from":${JSON.stringify(from)},"data":`;
  return new SharedFrame([Buffer.from(head), data, DELIVERY_SUFFIX]);
}

/** The same for connections without subprotocol. */
export function bareFrame({ data }: BroadcastMessage): SharedFrame {
  return new SharedFrame([bareDelivery(data)]);
}

const END_OF_EVENT = Buffer.from('}');

export function joinedFrame(room: string): string {
  return `{"event":"joined","data":{"room":${JSON.stringify(room)}}}`;
}

/** The server took the connection out. */
export function leftFrame(room: string, reason: 'removed' | 'forbidden'): string {
  return `{"event":"left","data":{"room":${JSON.stringify(room)},"reason":"${reason}"}}`;
}

/** The answer to a `join`, its rooms in the order asked. */
export function joinAckFrame(id: string, outcomes: readonly JoinOutcome[], isBatch: boolean): string {
  const data = isBatch ? { rooms: outcomes } : outcomes[0];
  return `{"event":"ack","id":${id},"data":${JSON.stringify(data)}}`;
}

function readElement(element: Buffer): RoomEntry | null {
  if (element[0] !== OPEN_BRACE) {
    const room = stringOf(element);
    return room === null ? null : { room, presence: NO_PRESENCE };
  }
  const members = membersOf(element, ENTRY_MEMBERS);
  return typeof members === 'string' ? null : readEntry(members);
}

/** Null: it has no room. */
function readEntry(members: Members<(typeof ENTRY_MEMBERS)[number]>): RoomEntry | null {
  const room = stringMember(members, 'room');
  return room === null ? null : { room, presence: readPresence(members) };
}

/** `info` is for those who enter; else it is not looked at. */
function readPresence(members: Members<(typeof ENTRY_MEMBERS)[number]>): PresenceWish | null {
  const text = members.get('presence');
  if (text === undefined || text.toString() === NULL) return NO_PRESENCE;
  const presence = stringOf(text);
  if (presence === 'watch') return { watches: true, enters: false, info: '' };
  if (presence !== 'enter' && presence !== 'both') return null;
  const info = members.get('info');
  if (info !== undefined && info.length > INFO_BYTES_MAX) return null;
  return { watches: presence === 'both', enters: true, info: info?.toString() ?? '' };
}

function stringMember<Name extends string>(members: Members<Name>, name: Name): string | null {
  const text = members.get(name);
  return text === undefined ? null : stringOf(text);
}
