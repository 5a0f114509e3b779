import type { FrameErrorCode } from './codes.js';
import { membersOf, stringOf, type Members } from './json-members.js';
import { scanPlainSend, type SendFrame } from './plain-send.js';
import { integerFromJson, userIdFromJson } from './user-id.js';

/** What a client's text frame asks for. `id` is JSON text and is echoed unchanged; null: no answer is wanted. */
export type IncomingFrame = SendFrame | EventFrame | BadFrame;

/** An event other than `send`: the core's `ping` and `refresh`, or an event of a `@SubscribeMessage`. */
export interface EventFrame {
  readonly kind: 'event';
  readonly id: string | null;
  readonly event: string;
  /** JSON text, verbatim; undefined when the frame had none. It is parsed only where a handler wants it. */
  readonly data: Buffer | undefined;
}

export interface BadFrame {
  readonly kind: 'bad';
  readonly id: string | null;
  readonly code: FrameErrorCode;
}

const ID_BYTES_MAX = 64;
const MESSAGE_ID_BYTES_MAX = 64;

const SEND_MEMBERS = ['user_id', 'data', 'message_id', 'volatile'] as const;
const FRAME_MEMBERS = [...SEND_MEMBERS, 'id', 'event'] as const;
type SendMember = (typeof SEND_MEMBERS)[number];

const NULL = Buffer.from('null');

/** @param frame the payload of a text frame: valid UTF-8, of bounded size. Never throws. */
export function readFrame(frame: Buffer): IncomingFrame {
  return scanPlainSend(frame) ?? readAnyFrame(frame);
}

/** The general path: right for every frame, plain ones too. Its cost depends on the frame's length only. */
export function readAnyFrame(frame: Buffer): IncomingFrame {
  const members = membersOf(frame, FRAME_MEMBERS);
  if (members === 'no json') return bad('bad_json');
  if (members === 'no object') return bad('bad_frame');

  const id = readId(members.get('id'));
  if (id === undefined) return bad('bad_id');
  const eventText = members.get('event');
  if (eventText === undefined) return members.has('user_id') ? readSend(id, members) : bad('bad_frame', id);
  const event = stringOf(eventText);
  if (event === null) return bad('bad_frame', id);
  const data = members.get('data');
  if (event !== 'send') return { kind: 'event', id, event, data };
  const body = data === undefined ? 'no object' : membersOf(data, SEND_MEMBERS);
  return typeof body === 'string' ? bad('bad_frame', id) : readSend(id, body);
}

function readSend(id: string | null, members: Members<SendMember>): IncomingFrame {
  const userId = members.get('user_id');
  const to = userId === undefined ? null : userIdFromJson(userId);
  if (to === null) return bad('bad_user_id', id);
  const data = members.get('data');
  if (data === undefined) return bad('missing_data', id);
  const messageId = readMessageId(members.get('message_id'));
  if (messageId === undefined) return bad('bad_message_id', id);
  const isVolatile = readVolatile(members.get('volatile'), messageId);
  if (isVolatile === undefined) return bad('bad_frame', id);
  return { kind: 'send', id, to, data, messageId, isVolatile };
}

/** The id as JSON text; null when there is none; undefined when it is no valid id. */
function readId(text: Buffer | undefined): string | null | undefined {
  if (text === undefined) return null;
  const id = stringOf(text);
  if (id === null) return integerFromJson(text)?.toString();
  return id.isWellFormed() && Buffer.byteLength(id) <= ID_BYTES_MAX ? JSON.stringify(id) : undefined;
}

/** The message id; null when there is none or it is null; undefined when it is not valid. */
export function readMessageId(text: Buffer | undefined): string | null | undefined {
  if (text === undefined || text.equals(NULL)) return null;
  const id = stringOf(text);
  const isValid =
    id !== null && id !== '' && id.isWellFormed() && Buffer.byteLength(id) <= MESSAGE_ID_BYTES_MAX;
  return isValid ? id : undefined;
}

/** Whether a message is volatile; undefined: that is not valid. Nobody repeats a volatile message, so it has no message id. */
export function readVolatile(text: Buffer | undefined, messageId: string | null): boolean | undefined {
  const value = text?.toString() ?? 'false';
  if (value === 'false') return false;
  return value === 'true' && messageId === null ? true : undefined;
}

function bad(code: FrameErrorCode, id: string | null = null): BadFrame {
  return { kind: 'bad', id, code };
}
