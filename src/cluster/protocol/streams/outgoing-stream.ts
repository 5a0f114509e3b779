/**
 * A numbered sequence of records on its way: being filled, waiting, on the wire, acked.
 *
 *        first            nextToSend            nextSequence
 *          | sent, unacked    | closed, waiting      | open: being filled
 *
 * Rules.
 * - Messages are written straight into the open record; a full record, or the end of a turn, closes it. The record, not
 *   the message, is what is numbered, acked, repaired and paced: nothing is kept per message.
 * - `nextSequence` is the open record's number already: whoever writes into it knows where it will travel.
 * - Records keep their place until acked. Nothing is evicted silently: `evictOldest` is the broadcast stream's, whose
 *   receivers notice by its `first`; `restart` and `dropHeld` return how many users' messages went.
 * - A message larger than a record travels as fragments in consecutive records of their own. A drop that cuts such a
 *   message takes the rest of it too.
 */
import { assert } from '../errors.js';
import { FRAGMENT_HEADER_BYTES, MESSAGE_HEADER_BYTES } from '../wire/frames.js';
import { OpenRecord } from './open-record.js';
import { OutgoingRecord } from './outgoing-record.js';

const RING_MIN = 16;

export class OutgoingStream {
  #ring: (OutgoingRecord | undefined)[] = Array.from({ length: RING_MIN }, () => undefined);
  #mask = RING_MIN - 1;
  #first = 1;
  #nextToSend = 1;
  #nextSequence = 1;
  #closedBytes = 0;
  #snapshotRecords = 0;

  readonly #open: OpenRecord;

  /** `recordBytes`: the most a record's messages may take. */
  constructor(private readonly recordBytes: number) {
    this.#open = new OpenRecord(recordBytes);
  }

  get first(): number {
    return this.#first;
  }

  get nextToSend(): number {
    return this.#nextToSend;
  }

  get nextSequence(): number {
    return this.#nextSequence;
  }

  /** The record in which the message that was appended last ends. */
  get lastAppended(): number {
    return this.#open.length > 0 ? this.#nextSequence : this.#nextSequence - 1;
  }

  /** Sent and not acked. */
  get inFlight(): number {
    return this.#nextToSend - this.#first;
  }

  /** Closed, acked or not: everything kept. */
  get records(): number {
    return this.#nextSequence - this.#first;
  }

  get bytes(): number {
    return this.#closedBytes + this.#open.length;
  }

  /** Something has been written into the record that is being filled. */
  get isFilling(): boolean {
    return this.#open.length > 0;
  }

  get hasUnsent(): boolean {
    return this.#nextToSend < this.#nextSequence;
  }

  get snapshotRecords(): number {
    return this.#snapshotRecords;
  }

  /**
   * Writes one message: `head` begins with the message's type and room for its length, which is filled in here.
   * `userMessages` is 1 for a user's message.
   */
  append(
    now: number,
    head: Buffer,
    headLength: number,
    body: Buffer | null,
    userMessages: number,
    isUrgent: boolean,
  ): void {
    const length = body === null ? headLength : headLength + body.length;
    if (length > this.recordBytes) {
      this.#appendFragments(now, head, headLength, body, userMessages);
      return;
    }
    if (this.#open.length + length > this.recordBytes) this.close(now);
    this.#open.append(head, headLength, body, userMessages, isUrgent);
  }

  /** The ack of what is being filled, if anything is, is wanted at once. */
  hurryAck(): void {
    if (this.isFilling) this.#open.hurry();
  }

  /** A record of its own, never moved to a later session. */
  appendSnapshot(now: number, body: Buffer): void {
    assert(body.length <= this.recordBytes, 'a snapshot record fits');
    this.close(now);
    this.#push(OutgoingRecord.ofSnapshot(body, now));
    this.#snapshotRecords += 1;
  }

  close(now: number): void {
    if (this.#open.length > 0) this.#push(this.#open.close(now));
  }

  /** The next record to go out for the first time, now on its way. */
  takeUnsent(now: number): OutgoingRecord {
    const record = this.at(this.#nextToSend);
    assert(record !== undefined, 'an unsent record is kept');
    record.send(now);
    this.#nextToSend += 1;
    return record;
  }

  /** Nobody listens: what is closed counts as sent. */
  skipUnsent(): void {
    this.#nextToSend = this.#nextSequence;
  }

  at(sequence: number): OutgoingRecord | undefined {
    if (sequence < this.#first || sequence >= this.#nextSequence) return undefined;
    return this.#ring[sequence & this.#mask];
  }

  /** Frees everything up to `sequence`. True: that was progress. */
  ackTo(sequence: number): boolean {
    const end = Math.min(sequence + 1, this.#nextToSend);
    if (end <= this.#first) return false;
    while (this.#first < end) this.#removeFirst();
    return true;
  }

  evictOldest(): void {
    this.#removeFirst();
  }

  /**
   * Begins anew at sequence 1 with what is left of messages after `delivered`; snapshot records are left behind.
   * `isSentKept` false: what was sent is dropped. Returns the number of users' messages dropped, and of records.
   */
  restart(now: number, delivered: number, isSentKept: boolean): { userMessages: number; records: number } {
    this.close(now);
    const kept: OutgoingRecord[] = [];
    const dropped = { userMessages: 0, records: 0 };
    let isCutting = false;
    for (let sequence = this.#first; sequence < this.#nextSequence; sequence += 1) {
      const record = this.at(sequence) as OutgoingRecord;
      if (record.isSnapshot) continue;
      if (sequence <= delivered) continue;
      const isLost = sequence < this.#nextToSend && !isSentKept;
      if (isLost || (isCutting && record.isContinuation)) {
        isCutting = true;
        dropped.userMessages += record.userMessages;
        dropped.records += 1;
        continue;
      }
      isCutting = false;
      kept.push(record);
    }
    while (this.#first < this.#nextSequence) this.#removeFirst();
    this.#first = 1;
    this.#nextToSend = 1;
    this.#nextSequence = 1;
    for (const record of kept) {
      record.unsend();
      this.#push(record);
    }
    return dropped;
  }

  /** Drops from the front what has waited for `holdMs`; returns the number of users' messages that went. */
  dropHeld(now: number, holdMs: number): number {
    let dropped = 0;
    let isCutting = false;
    while (this.#first < this.#nextSequence) {
      const record = this.at(this.#first) as OutgoingRecord;
      if (record.closedAt + holdMs > now && !(isCutting && record.isContinuation)) break;
      isCutting = true;
      dropped += record.userMessages;
      this.#removeFirst();
    }
    return dropped;
  }

  /** When the oldest record was closed; Infinity: there is none. */
  get oldestClosedAt(): number {
    return this.at(this.#first)?.closedAt ?? Infinity;
  }

  /** Users' messages kept, the open record's included. */
  userMessages(): number {
    let sum = this.#open.userMessages;
    for (let sequence = this.#first; sequence < this.#nextSequence; sequence += 1) {
      sum += (this.at(sequence) as OutgoingRecord).userMessages;
    }
    return sum;
  }

  #appendFragments(
    now: number,
    head: Buffer,
    headLength: number,
    body: Buffer | null,
    userMessages: number,
  ): void {
    // Joined, the fragments are the message without its length: its type, then its body.
    const whole = Buffer.allocUnsafe(headLength - 2 + (body?.length ?? 0));
    whole[0] = head[0] as number;
    head.copy(whole, 1, MESSAGE_HEADER_BYTES, headLength);
    if (body !== null) whole.set(body, headLength - 2);
    const chunkBytes = this.recordBytes - FRAGMENT_HEADER_BYTES;
    this.close(now);
    for (let start = 0, index = 0; start < whole.length; start += chunkBytes, index += 1) {
      const isLast = start + chunkBytes >= whole.length;
      const chunk = whole.subarray(start, start + chunkBytes);
      this.#open.setFragment(chunk, index, isLast, isLast ? userMessages : 0);
      this.close(now);
    }
  }

  #push(record: OutgoingRecord): void {
    if (this.records === this.#ring.length) this.#grow();
    this.#ring[this.#nextSequence & this.#mask] = record;
    this.#nextSequence += 1;
    this.#closedBytes += record.body.length;
  }

  #removeFirst(): void {
    const index = this.#first & this.#mask;
    const record = this.#ring[index] as OutgoingRecord;
    this.#ring[index] = undefined;
    this.#closedBytes -= record.body.length;
    if (record.isSnapshot) this.#snapshotRecords -= 1;
    this.#first += 1;
    if (this.#nextToSend < this.#first) this.#nextToSend = this.#first;
  }

  #grow(): void {
    const ring: (OutgoingRecord | undefined)[] = Array.from(
      { length: this.#ring.length * 2 },
      () => undefined,
    );
    for (let sequence = this.#first; sequence < this.#nextSequence; sequence += 1) {
      ring[sequence & (ring.length - 1)] = this.#ring[sequence & this.#mask];
    }
    this.#ring = ring;
    this.#mask = ring.length - 1;
  }
}
