import type { FrameErrorCode } from './codes.js';
import { membersOf } from './json-members.js';
import { scanPlainSend } from './plain-send.js';
import { isExactInteger, userIdFromJson } from './user-id.js';

/** What a client's text frame asks for. `id` is JSON text, to be echoed as it is; null: no answer is wanted. */
export type IncomingFrame = SendFrame | EventFrame | BadFrame;

export interface SendFrame {
  readonly kind: 'send';
  readonly id: string | null;
  readonly to: string;
  /** The sender's JSON text, verbatim. */
  readonly data: Buffer;
  /** The client's own name for the message, by which a retry is recognised. */
  readonly messageId: string | null;
}

/** An event other than `send`: the core's `ping` and `refresh`, or one of a `@SubscribeMessage`. */
export interface EventFrame {
  readonly kind: 'event';
  readonly id: string | null;
  readonly event: string;
  /** Parsed; undefined when the frame had none. */
  readonly data: unknown;
}

export interface BadFrame {
  readonly kind: 'bad';
  readonly id: string | null;
  readonly code: FrameErrorCode;
}

const ID_BYTES_MAX = 64;
const MESSAGE_ID_BYTES_MAX = 64;

/** @param frame the payload of a text frame: valid UTF-8, of bounded size. Never throws. */
export function readFrame(frame: Buffer): IncomingFrame {
  const plain = scanPlainSend(frame);
  if (plain !== null) return { kind: 'send', messageId: null, ...plain };
  return readAnyFrame(frame);
}

/** The general path: right for every frame, plain ones too. */
export function readAnyFrame(frame: Buffer): IncomingFrame {
  let value: unknown;
  try {
    value = JSON.parse(frame.toString('utf8'));
  } catch {
    return bad('bad_json');
  }
  if (!isObject(value)) return bad('bad_frame');
  const members = membersOf(frame);

  const id = readId(value, members);
  if (id === undefined) return bad('bad_id');
  if (Object.hasOwn(value, 'event')) {
    const event = value['event'];
    if (typeof event !== 'string') return bad('bad_frame', id);
    const body = value['data'];
    if (event !== 'send') return { kind: 'event', id, event, data: body };
    if (!isObject(body)) return bad('bad_frame', id);
    return readSend(id, body, membersOf(members.get('data') as Buffer));
  }
  if (Object.hasOwn(value, 'user_id')) return readSend(id, value, members);
  return bad('bad_frame', id);
}

function readSend(id: string | null, value: JsonObject, members: Map<string, Buffer>): IncomingFrame {
  const to = userIdFromJson(value['user_id'], members.get('user_id')?.toString('latin1') ?? '');
  if (to === null) return bad('bad_user_id', id);
  const data = members.get('data');
  if (data === undefined) return bad('missing_data', id);
  const messageId = value['message_id'] ?? null;
  if (messageId !== null && !isShortText(messageId, MESSAGE_ID_BYTES_MAX)) return bad('bad_message_id', id);
  return { kind: 'send', id, to, data, messageId };
}

/** The id as JSON text; null when there is none; undefined when it is no valid id. */
function readId(value: JsonObject, members: Map<string, Buffer>): string | null | undefined {
  const id = value['id'];
  if (id === undefined) return null;
  if (typeof id === 'string' && id.isWellFormed() && Buffer.byteLength(id) <= ID_BYTES_MAX)
    return JSON.stringify(id);
  if (typeof id === 'number' && isExactInteger(id, members.get('id')?.toString('latin1') ?? ''))
    return String(id);
  return undefined;
}

function isShortText(value: unknown, bytesMax: number): value is string {
  return (
    typeof value === 'string' && value !== '' && value.isWellFormed() && Buffer.byteLength(value) <= bytesMax
  );
}

type JsonObject = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function bad(code: FrameErrorCode, id: string | null = null): BadFrame {
  return { kind: 'bad', id, code };
}
