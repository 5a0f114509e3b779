import { FRAME_ERRORS, type FrameErrorCode } from './codes.js';

/** What a sender that asked for an answer is told. */
export interface Outcome {
  /** Connections, cluster-wide, into whose outgoing queue the message went. */
  readonly delivered: number;
  /** False: it may have been, or may still be, delivered to devices not counted. */
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
): string {
  const data = JSON.stringify({ code, message, retryable: FRAME_ERRORS[code].retryable });
  return id === null ? `{"event":"error","data":${data}}` : `{"event":"error","id":${id},"data":${data}}`;
}

export function pongFrame(id: string | null): string {
  return id === null ? '{"event":"pong"}' : `{"event":"pong","id":${id}}`;
}

export function eventFrame(event: string, id: string | null, data: unknown): string {
  const body = data === undefined ? '' : `,"data":${JSON.stringify(data)}`;
  return `{"event":${JSON.stringify(event)}${id === null ? '' : `,"id":${id}`}${body}}`;
}

export function readyFrame(ready: { user_id: string; connection_id: string; node_id: string }): string {
  return eventFrame('ready', null, ready);
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** What opens a delivery in `lanfare.v1.json`; the sender's JSON text and `}}` follow. */
export function deliveryPrefix(from: string | null): Buffer {
  return Buffer.from(`{"event":"message","data":{"from":${JSON.stringify(from)},"data":`);
}

export const DELIVERY_SUFFIX = Buffer.from('}}');

/**
 * A delivery in the original's format: the bare data, a string unescaped, anything else as the sender wrote it.
 * A lone surrogate, which JSON can escape but UTF-8 can't carry, becomes U+FFFD.
 */
export function bareDelivery(data: Buffer): Buffer {
  if (data[0] !== QUOTE) return data;
  if (!data.includes(BACKSLASH)) return data.subarray(1, -1);
  return Buffer.from(JSON.parse(data.toString('utf8')) as string, 'utf8');
}
