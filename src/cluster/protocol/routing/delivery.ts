/**
 * What comes out of the streams, in order and once: users' messages, answers, announcements, snapshots.
 *
 * A record is parsed in place; a message's data is a view of the opened datagram. Everything a record says is applied
 * in the same step in which it is taken, because records are acked as soon as they are taken (R6).
 */
import type { TraceContext } from '../contract.js';
import { HASH_BYTES } from '../directory/name-hash.js';
import { MalformedDatagramError } from '../errors.js';
import type { NodeParts } from '../node-parts.js';
import type { Peer } from '../peers/peer.js';
import type { Fragments } from '../streams/fragments.js';
import { ByteReader } from '../wire/byte-reader.js';
import {
  FIELD_HEADER_BYTES,
  FIELD_MESSAGE_ID,
  FIELD_TRACE,
  FIELD_TRACE_BYTES,
  FIELDS_HEADER_BYTES,
  FRAGMENT_HEADER_BYTES,
  FRAME_VOLATILE,
  GROUP_EVERYBODY,
  GROUP_HAS_EVENT,
  GROUP_HAS_NOT_LIST,
  GROUP_ROOM,
  GROUP_USER,
  MESSAGE_ANNOUNCE,
  MESSAGE_ANSWER,
  MESSAGE_FRAGMENT,
  MESSAGE_GROUP,
  MESSAGE_HEADER_BYTES,
  MESSAGE_PUBLICATION,
  MESSAGE_QUESTION,
  MESSAGE_RECEIPT,
  MESSAGE_SNAPSHOT,
  MESSAGE_SNAPSHOT_END,
  MESSAGE_USER,
  MESSAGE_WITHDRAW,
  SPAN_ID_BYTES,
  TRACE_ID_BYTES,
  USER_HAS_FIELDS,
  USER_HAS_FROM,
  USER_VOLATILE,
  USER_WANTS_RECEIPT,
} from '../wire/frames.js';

/** A message's own fields beside the body that `messageBytesMax` limits: ids, topic, optional fields. */
const FIELDS_BYTES_MAX = 4_096;
const HASH_HIGH_MAX = 1 << 21;
const SESSION_BYTES = 4;

interface OptionalFields {
  messageId: string | null;
  trace: TraceContext | null;
}

const NO_FIELDS: Readonly<OptionalFields> = { messageId: null, trace: null };

type Parts = Pick<NodeParts, 'journal' | 'options' | 'questions' | 'receipts'>;

export class Delivery {
  constructor(private readonly parts: Parts) {}

  applyUnicast(peer: Peer, record: Buffer): void {
    this.#apply(peer, record, peer.incoming.unicastFragments);
  }

  /** The body of a VOLATILE frame is that of a message to a group, which may be a user too. */
  applyVolatile(peer: Peer, datagram: Buffer, start: number, end: number): void {
    this.#message(peer, FRAME_VOLATILE, datagram, start, end);
  }

  applyBroadcast(peer: Peer, record: Buffer): void {
    this.#apply(peer, record, peer.incoming.broadcastFragments);
  }

  #apply(peer: Peer, record: Buffer, fragments: Fragments): void {
    const end = record.length;
    let at = 0;
    while (at < end) {
      const start = at + MESSAGE_HEADER_BYTES;
      if (start > end) throw new MalformedDatagramError('a message header is cut off');
      const next = start + (((record[at + 1] as number) << 8) | (record[at + 2] as number));
      if (next > end) throw new MalformedDatagramError('a message is cut off');
      const type = record[at] as number;
      if (type === MESSAGE_USER || type === MESSAGE_GROUP) this.#message(peer, type, record, start, next);
      else if (type === MESSAGE_FRAGMENT) this.#fragment(peer, record, at, next, fragments);
      else this.#applyOther(peer, type, record, start, next);
      at = next;
    }
  }

  /** A message to a user or to a group. A message to a group names the kind of group, and may name an event. */
  #message(peer: Peer, type: number, record: Buffer, start: number, end: number): void {
    const flags = record[start] as number;
    let at = start + 1;
    let kind = GROUP_USER;
    if (type !== MESSAGE_USER) {
      if (at >= end) throw new MalformedDatagramError('the kind of a group is cut off');
      kind = record[at] as number;
      const isKnown =
        kind === GROUP_ROOM || kind === (type === FRAME_VOLATILE ? GROUP_USER : GROUP_EVERYBODY);
      // A message of a later version, which is for other nodes.
      if (!isKnown) return;
      at += 1;
    }
    const nameEnd = endOfText(record, at, end, 'the addressee');
    const name = record.toString('utf8', at + 1, nameEnd);
    at = nameEnd;
    let from: string | null = null;
    if ((flags & USER_HAS_FROM) !== 0) {
      const fromEnd = endOfText(record, at, end, 'the sender');
      from = record.toString('utf8', at + 1, fromEnd);
      at = fromEnd;
    }
    let receipt = 0;
    if ((flags & USER_WANTS_RECEIPT) !== 0) {
      if (at + 4 > end) throw new MalformedDatagramError('the receipt number is cut off');
      // The number here is 1 higher than on the wire, because 0 means that no receipt is wanted.
      receipt = record.readUInt32BE(at) + 1;
      at += 4;
    }
    let fields = NO_FIELDS;
    if ((flags & USER_HAS_FIELDS) !== 0) {
      const fieldsStart = at + FIELDS_HEADER_BYTES;
      if (fieldsStart > end) throw new MalformedDatagramError('the optional fields are cut off');
      at = fieldsStart + record.readUInt16BE(at);
      if (at > end) throw new MalformedDatagramError('the optional fields are cut off');
      fields = readFields(record, fieldsStart, at);
    }
    let event: string | null = null;
    if (kind !== GROUP_USER && (flags & GROUP_HAS_EVENT) !== 0) {
      const eventEnd = endOfText(record, at, end, 'the event');
      event = record.toString('utf8', at + 1, eventEnd);
      at = eventEnd;
    }
    if (kind !== GROUP_USER && (flags & GROUP_HAS_NOT_LIST) !== 0) {
      const listEnd = at + 1 + SESSION_BYTES * (record[at] as number);
      if (at >= end || listEnd > end) throw new MalformedDatagramError('the not-list is cut off');
      if (isListed(record, at + 1, listEnd, peer.incoming.id)) return;
      at = listEnd;
    }
    const { messageId, trace } = fields;
    const { counters, events } = this.parts.journal;
    const isVolatile = type === FRAME_VOLATILE || (flags & USER_VOLATILE) !== 0;
    if (isVolatile) counters.volatileReceived += 1;
    else counters.messagesReceived += 1;
    const { id } = peer;
    const data = record.subarray(at, end);
    if (kind === GROUP_USER)
      events.push({ type: 'message', peer: id, to: name, from, data, receipt, messageId, trace, isVolatile });
    else if (kind === GROUP_ROOM)
      events.push({
        type: 'room-message',
        peer: id,
        room: name,
        from,
        data,
        receipt,
        messageId,
        trace,
        event,
        isVolatile,
      });
    else events.push({ type: 'message-to-all', peer: id, from, data, receipt });
  }

  #fragment(peer: Peer, record: Buffer, at: number, next: number, fragments: Fragments): void {
    if (at + FRAGMENT_HEADER_BYTES > next) throw new MalformedDatagramError('a fragment is cut off');
    const flags = record[at + MESSAGE_HEADER_BYTES] as number;
    const index = record.readUInt16BE(at + MESSAGE_HEADER_BYTES + 1);
    const bytes = record.subarray(at + FRAGMENT_HEADER_BYTES, next);
    const bytesMax = this.parts.options.messageBytesMax + FIELDS_BYTES_MAX;
    const whole = fragments.add(flags, index, bytes, bytesMax, () =>
      this.parts.journal.gap(peer, 'gap', 1, `a message is larger than this node takes (${bytesMax} bytes)`),
    );
    if (whole === null || whole.length === 0) return;
    const type = whole[0] as number;
    if (type === MESSAGE_USER || type === MESSAGE_GROUP) this.#message(peer, type, whole, 1, whole.length);
    else this.#applyOther(peer, type, whole, 1, whole.length);
  }

  #applyOther(peer: Peer, type: number, record: Buffer, start: number, end: number): void {
    const reader = new ByteReader(record, start, end);
    const { parts } = this;
    switch (type) {
      case MESSAGE_ANNOUNCE:
        peer.incoming.announce(readHash(reader));
        break;
      case MESSAGE_WITHDRAW:
        peer.incoming.withdraw(readHash(reader));
        break;
      case MESSAGE_SNAPSHOT:
        this.#snapshot(peer, reader);
        break;
      case MESSAGE_SNAPSHOT_END:
        peer.incoming.endSnapshot();
        break;
      case MESSAGE_RECEIPT:
        parts.receipts.settle(reader.u32(), peer.index, reader.u32());
        break;
      case MESSAGE_QUESTION: {
        const id = reader.u32();
        const topic = reader.text();
        parts.journal.events.push({ type: 'question', peer: peer.id, id, topic, body: reader.rest() });
        break;
      }
      case MESSAGE_ANSWER: {
        const id = reader.u32();
        parts.questions.answer(id, peer.id, reader.rest());
        break;
      }
      case MESSAGE_PUBLICATION: {
        const channel = reader.text();
        parts.journal.events.push({ type: 'publication', peer: peer.id, channel, body: reader.rest() });
        break;
      }
      default:
      // A message of a newer node. That node expects that we may not know its kind.
    }
  }

  #snapshot({ incoming }: Peer, reader: ByteReader): void {
    if (!incoming.isLoading) return;
    while (reader.remaining >= HASH_BYTES) incoming.load(readHash(reader));
  }
}

/** Where a text ends: its length in one byte, then UTF-8. */
function endOfText(record: Buffer, at: number, end: number, what: string): number {
  const textEnd = at + 1 + (record[at] as number);
  if (at >= end || textEnd > end) throw new MalformedDatagramError(`${what} is cut off`);
  return textEnd;
}

/** Whether the sessions `record[start..end)` have this one. */
function isListed(record: Buffer, start: number, end: number, session: number): boolean {
  for (let at = start; at < end; at += SESSION_BYTES) if (record.readUInt32BE(at) === session) return true;
  return false;
}

function readHash(reader: ByteReader): number {
  const high = reader.u8() * 65_536 + reader.u16();
  if (high >= HASH_HIGH_MAX) throw new MalformedDatagramError('a hash has 53 bits');
  return high * 2 ** 32 + reader.u32();
}

/** Reads the optional fields. Unknown ones are skipped. */
function readFields(record: Buffer, start: number, end: number): OptionalFields {
  const fields = { ...NO_FIELDS };
  for (let at = start; at < end;) {
    const value = at + FIELD_HEADER_BYTES;
    if (value > end) throw new MalformedDatagramError('an optional field is cut off');
    const next = value + record.readUInt16BE(at + 1);
    if (next > end) throw new MalformedDatagramError('an optional field is cut off');
    if (record[at] === FIELD_MESSAGE_ID) fields.messageId = record.toString('utf8', value, next);
    else if (record[at] === FIELD_TRACE) fields.trace = readTrace(record, value, next);
    at = next;
  }
  return fields;
}

/** Ignores bytes after those that we know: a newer node has added them. */
function readTrace(record: Buffer, start: number, end: number): TraceContext {
  if (start + FIELD_TRACE_BYTES > end) throw new MalformedDatagramError('a trace context is cut off');
  const spanId = start + TRACE_ID_BYTES;
  const flags = spanId + SPAN_ID_BYTES;
  return {
    traceId: record.toString('hex', start, spanId),
    spanId: record.toString('hex', spanId, flags),
    traceFlags: record[flags] as number,
    isRemote: true,
  };
}
