import { FRAME_ERRORS, type FrameErrorCode } from './codes.js';

/** The answer to a sender that asked for one. */
export interface Outcome {
  /** Connections, cluster-wide, into whose outgoing queue the message went. */
  readonly delivered: number;
  /** False: devices that are not counted may have got the message, or may still get it. */
  readonly complete: boolean;
}

/** Server-to-client frames as JSON text. `id` is JSON text itself. */

export function ackFrame(id: string, { delivered, complete }: Outcome): string {
  return `{"event":"ack","id":${id},"data":{"delivered":${delivered},"complete":${complete}}}`;
}

/** The answer to a request whose handler returned nothing. */
export function doneFrame(id: string): string {
  return `{"event":"ack","id":${id}}`;
}

export function errorFrame(
  code: FrameErrorCode,
  id: string | null,
  message: string = FRAME_ERRORS[code].message,
  room?: string,
): string {
  return refusalFrame({ code, message, retryable: FRAME_ERRORS[code].retryable }, id, room);
}

/** An error of the table in codes.ts, or one an application's gateway defines. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
}

/** @param room the room that the refusal is about, if there is one */
export function refusalFrame(
  { code, message, retryable }: Refusal,
  id: string | null,
  room?: string,
): string {
  const data = JSON.stringify({ code, message, retryable, room });
  return id === null ? `{"event":"error","data":${data}}` : `{"event":"error","id":${id},"data":${data}}`;
}

export function pongFrame(id: string | null): string {
  return id === null ? '{"event":"pong"}' : `{"event":"pong","id":${id}}`;
}

/** @throws {TypeError} when `data` is not a JSON value; undefined is no data. Also what JSON.stringify throws */
export function eventFrame(event: string, id: string | null, data: unknown): string {
  const json = JSON.stringify(data) as string | undefined;
  if (json === undefined && data !== undefined) throw new TypeError('the data is not a JSON value');
  const body = json === undefined ? '' : `,"data":${json}`;
  return `{"event":${JSON.stringify(event)}${id === null ? '' : `,"id":${id}`}${body}}`;
}

/** How an event begins. Its data's JSON text and `}` follow. */
export function eventPrefix(event: string): string {
  return `{"event":${JSON.stringify(event)},"data":`;
}

export function readyFrame(ready: {
  user_id: string;
  connection_id: string;
  node_id: string;
  limits: { payload_bytes: number };
}): string {
  return eventFrame('ready', null, ready);
}

/** Tells a client beforehand when its connection will end, in seconds since the epoch, as in the token. */
export function tokenExpiringFrame(expiresAt: number): string {
  return eventFrame('token_expiring', null, { expires_at: expiresAt / 1000 });
}

/** The answer to `refresh`: when the connection will end now; null: never. */
export function refreshedFrame(id: string, expiresAt: number | null): string {
  return eventFrame('ack', id, { expires_at: expiresAt === null ? null : expiresAt / 1000 });
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** How a delivery in `lanfare.v1.json` begins. The sender's JSON text and `}}` follow. */
export function deliveryPrefix(from: string | null): Buffer {
  if (from !== lastFrom) {
    lastFrom = from;
    lastPrefix = makePrefix(from);
  }
  return lastPrefix;
}

function makePrefix(from: string | null): Buffer {
  return Buffer.from(`{"event":"message","data":{"from":${JSON.stringify(from)},"data":`);
}

// a sender's messages come in bursts, and one message may go to many devices
let lastFrom: string | null = null;
let lastPrefix = makePrefix(null);

export const DELIVERY_SUFFIX = Buffer.from('}}');

/**
 * A delivery for clients without subprotocol: the bare data, a string unescaped, anything else as the sender wrote it.
 * A lone surrogate, which JSON can escape but UTF-8 can't carry, becomes U+FFFD.
 */
export function bareDelivery(data: Buffer): Buffer {
  if (data[0] !== QUOTE) return data;
  if (!data.includes(BACKSLASH)) return data.subarray(1, -1);
  return Buffer.from(JSON.parse(data.toString('utf8')) as string, 'utf8');
}
