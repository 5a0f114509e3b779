/**
 * The record that is being filled. Messages are written straight into its buffer, one after the other; closing it makes an
 * `OutgoingRecord` of them, and the next one begins empty.
 */
import {
  FRAGMENT_HEADER_BYTES,
  FRAGMENT_LAST,
  MESSAGE_FRAGMENT,
  MESSAGE_HEADER_BYTES,
} from '../wire/frames.js';
import { OutgoingRecord } from './outgoing-record.js';

/** Below this a loop is faster than a call into the runtime's memcpy. */
const LOOP_COPY_MAX = 40;

export class OpenRecord {
  #buffer: Buffer | null = null;
  #length = 0;
  #userMessages = 0;
  #isUrgent = false;
  #isContinuation = false;

  /** `capacity`: the most that its messages may take, in bytes. */
  constructor(private readonly capacity: number) {}

  get length(): number {
    return this.#length;
  }

  /** Users' messages that end in it. */
  get userMessages(): number {
    return this.#userMessages;
  }

  /** Writes a message that fits. Its length is filled in within `head`. */
  append(
    head: Buffer,
    headLength: number,
    body: Buffer | null,
    userMessages: number,
    isUrgent: boolean,
  ): void {
    const length = body === null ? headLength : headLength + body.length;
    const buffer = (this.#buffer ??= Buffer.allocUnsafe(this.capacity));
    const at = this.#length;
    const bodyLength = length - MESSAGE_HEADER_BYTES;
    head[1] = bodyLength >>> 8;
    head[2] = bodyLength & 0xff;
    if (headLength <= LOOP_COPY_MAX) {
      for (let index = 0; index < headLength; index += 1) buffer[at + index] = head[index] as number;
    } else {
      head.copy(buffer, at, 0, headLength);
    }
    if (body !== null) buffer.set(body, at + headLength);
    this.#length = at + length;
    this.#userMessages += userMessages;
    if (isUrgent) this.#isUrgent = true;
  }

  /** Its ack is wanted at once. */
  hurry(): void {
    this.#isUrgent = true;
  }

  /** Makes one fragment of a larger message its only content. */
  setFragment(chunk: Buffer, index: number, isLast: boolean, userMessages: number): void {
    const buffer = (this.#buffer ??= Buffer.allocUnsafe(this.capacity));
    buffer[0] = MESSAGE_FRAGMENT;
    buffer.writeUInt16BE(chunk.length + FRAGMENT_HEADER_BYTES - MESSAGE_HEADER_BYTES, 1);
    buffer[3] = isLast ? FRAGMENT_LAST : 0;
    buffer.writeUInt16BE(index, 4);
    buffer.set(chunk, FRAGMENT_HEADER_BYTES);
    this.#length = FRAGMENT_HEADER_BYTES + chunk.length;
    this.#userMessages = userMessages;
    this.#isContinuation = index > 0;
  }

  close(now: number): OutgoingRecord {
    const length = this.#length;
    const buffer = this.#buffer as Buffer;
    let body: Buffer;
    if (length * 2 <= this.capacity) {
      // A small record must not keep a large buffer alive until it is acked.
      body = Buffer.from(buffer.subarray(0, length));
    } else {
      body = buffer.subarray(0, length);
      this.#buffer = null;
    }
    const record = new OutgoingRecord(
      body,
      this.#isUrgent,
      false,
      this.#isContinuation,
      this.#userMessages,
      now,
    );
    this.#length = 0;
    this.#userMessages = 0;
    this.#isUrgent = false;
    this.#isContinuation = false;
    return record;
  }
}
