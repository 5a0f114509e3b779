/** The part of a message before its data, written once and copied into each holder's record. */
import type { OutgoingBroadcast, OutgoingMessage, OutgoingRoomMessage, TraceContext } from '../contract.js';
import {
  FIELD_HEADER_BYTES,
  FIELD_MESSAGE_ID,
  FIELD_TRACE,
  FIELD_TRACE_BYTES,
  FIELDS_HEADER_BYTES,
  FRAME_VOLATILE,
  GROUP_EVERYBODY,
  GROUP_HAS_EVENT,
  GROUP_HAS_FIELDS,
  GROUP_HAS_FROM,
  GROUP_HAS_NOT_LIST,
  GROUP_ROOM,
  GROUP_USER,
  GROUP_VOLATILE,
  GROUP_WANTS_RECEIPT,
  MESSAGE_GROUP,
  MESSAGE_HEADER_BYTES,
  MESSAGE_USER,
  SPAN_ID_BYTES,
  TRACE_ID_BYTES,
  USER_HAS_FIELDS,
  USER_HAS_FROM,
  USER_VOLATILE,
  USER_WANTS_RECEIPT,
} from '../wire/frames.js';

export const TEXT_BYTES_MAX = 255;
const MESSAGE_ID_BYTES_MAX = 64;
const FIELDS_BYTES_MAX =
  FIELDS_HEADER_BYTES + FIELD_HEADER_BYTES + MESSAGE_ID_BYTES_MAX + FIELD_HEADER_BYTES + FIELD_TRACE_BYTES;
const NOT_LIST_BYTES_MAX = 1 + 255 * 4;
/** Flags, kind, and at most three texts: name, from, event. */
const HEAD_BYTES =
  MESSAGE_HEADER_BYTES + 2 + 3 * (1 + TEXT_BYTES_MAX) + 4 + FIELDS_BYTES_MAX + NOT_LIST_BYTES_MAX;
const ASCII_END = 0x80;

/** What a message to a group may have besides its kind and name. */
interface GroupParticulars {
  readonly from: string | null;
  readonly receipt: number;
  readonly messageId?: string | undefined;
  readonly trace?: TraceContext | undefined;
  readonly event?: string | undefined;
}

export class MessageHead {
  readonly bytes = Buffer.alloc(HEAD_BYTES);

  /**
   * Every writer returns where the head ends; -1: a text is too long.
   *
   * @param receipt its number; -1: none is wanted
   */
  writeUser({ to, from, messageId, trace, isVolatile }: OutgoingMessage, receipt: number): number {
    const hasFields = messageId !== undefined || trace !== undefined;
    this.bytes[0] = MESSAGE_USER;
    this.bytes[MESSAGE_HEADER_BYTES] =
      (from === null ? 0 : USER_HAS_FROM) |
      (receipt < 0 ? 0 : USER_WANTS_RECEIPT) |
      (hasFields ? USER_HAS_FIELDS : 0) |
      (isVolatile === true ? USER_VOLATILE : 0);
    const length = this.#writeOrigin(this.writeText(MESSAGE_HEADER_BYTES + 1, to), from, receipt);
    return hasFields && length > 0 ? this.#writeFields(length, messageId, trace) : length;
  }

  writeRoom(message: OutgoingRoomMessage, receipt: number): number {
    const { room, from, messageId, trace, event, isVolatile } = message;
    const flag = isVolatile === true ? GROUP_VOLATILE : 0;
    return this.#writeGroup(MESSAGE_GROUP, flag, GROUP_ROOM, room, {
      from,
      receipt,
      messageId,
      trace,
      event,
    });
  }

  writeToAll({ from }: OutgoingBroadcast, receipt: number): number {
    return this.#writeGroup(MESSAGE_GROUP, 0, GROUP_EVERYBODY, '', { from, receipt });
  }

  /**
   * Adds who must ignore a message to a group, whose head of `length` bytes is written.
   *
   * @param sessions 255 at most
   */
  addNotList(length: number, sessions: readonly number[]): number {
    this.bytes[MESSAGE_HEADER_BYTES] = (this.bytes[MESSAGE_HEADER_BYTES] as number) | GROUP_HAS_NOT_LIST;
    let at = this.bytes.writeUInt8(sessions.length, length);
    for (const session of sessions) at = this.bytes.writeUInt32BE(session, at);
    return at;
  }

  /** The head as it was before `addNotList`. */
  dropNotList(): void {
    this.bytes[MESSAGE_HEADER_BYTES] = (this.bytes[MESSAGE_HEADER_BYTES] as number) & ~GROUP_HAS_NOT_LIST;
  }

  /** The head of a frame. */
  writeVolatileToUser({ to, from, messageId, trace }: OutgoingMessage): number {
    return this.#writeGroup(FRAME_VOLATILE, 0, GROUP_USER, to, { from, receipt: -1, messageId, trace });
  }

  /** The head of a frame. */
  writeVolatileToRoom({ room, from, messageId, event }: OutgoingRoomMessage): number {
    return this.#writeGroup(FRAME_VOLATILE, 0, GROUP_ROOM, room, { from, receipt: -1, messageId, event });
  }

  /** Length in one byte, then UTF-8. ASCII, the usual, in one pass. */
  writeText(at: number, text: string): number {
    const head = this.bytes;
    const start = at + 1;
    const { length } = text;
    if (length > TEXT_BYTES_MAX) return -1;
    for (let index = 0; index < length; index += 1) {
      const unit = text.charCodeAt(index);
      if (unit >= ASCII_END) return this.#writeWideText(at, text);
      head[start + index] = unit;
    }
    head[at] = length;
    return start + length;
  }

  /** The header of a message and that of a frame have the same shape. */
  #writeGroup(type: number, flag: number, kind: number, name: string, particulars: GroupParticulars): number {
    const { from, receipt, messageId, trace, event } = particulars;
    const hasFields = messageId !== undefined || trace !== undefined;
    this.bytes[0] = type;
    this.bytes[MESSAGE_HEADER_BYTES] =
      flag |
      (from === null ? 0 : GROUP_HAS_FROM) |
      (receipt < 0 ? 0 : GROUP_WANTS_RECEIPT) |
      (hasFields ? GROUP_HAS_FIELDS : 0) |
      (event === undefined ? 0 : GROUP_HAS_EVENT);
    this.bytes[MESSAGE_HEADER_BYTES + 1] = kind;
    let length = this.#writeOrigin(this.writeText(MESSAGE_HEADER_BYTES + 2, name), from, receipt);
    if (hasFields && length > 0) length = this.#writeFields(length, messageId, trace);
    if (event !== undefined && length > 0) length = this.writeText(length, event);
    return length;
  }

  /** Who sent it, and which receipt is wanted. */
  #writeOrigin(at: number, from: string | null, receipt: number): number {
    let length = at;
    if (from !== null && length > 0) length = this.writeText(length, from);
    if (receipt >= 0 && length > 0) length = this.bytes.writeUInt32BE(receipt, length);
    return length;
  }

  /** The optional fields, for a message that has any. */
  #writeFields(at: number, messageId: string | undefined, trace: TraceContext | undefined): number {
    const start = at + FIELDS_HEADER_BYTES;
    let end = start;
    if (messageId !== undefined) end = this.#writeMessageId(end, messageId);
    if (trace !== undefined) end = this.#writeTrace(end, trace);
    this.bytes.writeUInt16BE(end - start, at);
    return end;
  }

  #writeMessageId(at: number, messageId: string): number {
    const bytes = Buffer.byteLength(messageId);
    if (bytes > MESSAGE_ID_BYTES_MAX)
      throw new RangeError(`A message id has at most ${MESSAGE_ID_BYTES_MAX} bytes`);
    const value = this.#writeFieldHeader(at, FIELD_MESSAGE_ID, bytes);
    return value + this.bytes.write(messageId, value, 'utf8');
  }

  #writeTrace(at: number, { traceId, spanId, traceFlags }: TraceContext): number {
    const head = this.bytes;
    const value = this.#writeFieldHeader(at, FIELD_TRACE, FIELD_TRACE_BYTES);
    // Writing stops at the first character that is no hexadecimal digit, so the length shows whether all were digits.
    const idBytes = head.write(traceId, value, 'hex') + head.write(spanId, value + TRACE_ID_BYTES, 'hex');
    if (idBytes !== TRACE_ID_BYTES + SPAN_ID_BYTES)
      throw new RangeError('The ids of a trace and a span have 32 and 16 hexadecimal digits');
    return head.writeUInt8(traceFlags, value + idBytes);
  }

  /** Returns where the value begins. */
  #writeFieldHeader(at: number, type: number, bytes: number): number {
    this.bytes[at] = type;
    return this.bytes.writeUInt16BE(bytes, at + 1);
  }

  #writeWideText(at: number, text: string): number {
    const bytes = Buffer.byteLength(text);
    if (bytes > TEXT_BYTES_MAX) return -1;
    this.bytes[at] = bytes;
    return at + 1 + this.bytes.write(text, at + 1, 'utf8');
  }
}
