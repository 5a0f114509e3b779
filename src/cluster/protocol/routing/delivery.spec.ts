import { describe, expect, it } from '@jest/globals';
import type { ProtocolEvent } from '../contract.js';
import { MalformedDatagramError } from '../errors.js';
import type { NodeParts } from '../node-parts.js';
import type { Peer } from '../peers/peer.js';
import {
  FIELD_MESSAGE_ID,
  FIELD_TRACE,
  GROUP_HAS_EVENT,
  GROUP_HAS_FIELDS,
  GROUP_HAS_FROM,
  GROUP_HAS_NOT_LIST,
  GROUP_ROOM,
  GROUP_WANTS_RECEIPT,
  MESSAGE_GROUP,
  MESSAGE_USER,
  USER_HAS_FIELDS,
} from '../wire/frames.js';
import { Delivery } from './delivery.js';

const trace = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  traceFlags: 1,
};
const traceBytes = Buffer.from(`${trace.traceId}${trace.spanId}01`, 'hex');
const UNKNOWN_FIELD = 99;
/** Of the peer's stream to us. */
const SESSION = 7;

function field(type: number, value: Buffer | string): Buffer {
  const bytes = Buffer.from(value as string);
  return Buffer.concat([Buffer.from([type, bytes.length >>> 8, bytes.length & 0xff]), bytes]);
}

/** A record of one message, to "u" with the data `1`, that has these optional fields. */
function recordWith(...fields: readonly Buffer[]): Buffer {
  const all = Buffer.concat(fields);
  const body = Buffer.concat([
    Buffer.from([USER_HAS_FIELDS, 1, 0x75, all.length >>> 8, all.length & 0xff]),
    all,
    Buffer.from('1'),
  ]);
  return field(MESSAGE_USER, body);
}

function deliver(record: Buffer): ProtocolEvent[] {
  const events: ProtocolEvent[] = [];
  const journal = { events, counters: { messagesReceived: 0 } };
  new Delivery({ journal } as unknown as NodeParts).applyUnicast(
    { id: 'peer', incoming: { id: SESSION } } as unknown as Peer,
    record,
  );
  return events;
}

describe('the optional fields of a message', () => {
  it.each([
    ['none', [], { messageId: null, trace: null }],
    ['a message id', [field(FIELD_MESSAGE_ID, 'm-1')], { messageId: 'm-1', trace: null }],
    ['a trace', [field(FIELD_TRACE, traceBytes)], { messageId: null, trace: { ...trace, isRemote: true } }],
    [
      'both, among some that a newer node has',
      [
        field(UNKNOWN_FIELD, ''),
        field(FIELD_TRACE, traceBytes),
        field(UNKNOWN_FIELD, 'something'),
        field(FIELD_MESSAGE_ID, 'm-1'),
        field(UNKNOWN_FIELD, traceBytes),
      ],
      { messageId: 'm-1', trace: { ...trace, isRemote: true } },
    ],
    [
      'a trace to which a newer node has added',
      [field(FIELD_TRACE, Buffer.concat([traceBytes, Buffer.from('more')]))],
      { messageId: null, trace: { ...trace, isRemote: true } },
    ],
  ])('are read: %s', (_what, fields, expected) => {
    expect(deliver(recordWith(...fields))).toMatchObject([
      { type: 'message', to: 'u', data: Buffer.from('1'), ...expected },
    ]);
  });

  it.each(Array.from({ length: traceBytes.length }, (_, length) => length))(
    'make no message when a trace has only %d bytes',
    (length) => {
      expect(() => deliver(recordWith(field(FIELD_TRACE, traceBytes.subarray(0, length))))).toThrow(
        MalformedDatagramError,
      );
    },
  );

  it('make no message when one is longer than all of them', () => {
    const cut = field(FIELD_TRACE, traceBytes).subarray(0, -1);
    expect(() => deliver(recordWith(cut))).toThrow(MalformedDatagramError);
  });
});

describe('a message to a group', () => {
  const text = (value: string): Buffer => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
  const group = (flags: number, kind: number, ...parts: readonly Buffer[]): Buffer =>
    field(MESSAGE_GROUP, Buffer.concat([Buffer.from([flags, kind]), ...parts]));
  const whole = GROUP_HAS_FROM | GROUP_WANTS_RECEIPT | GROUP_HAS_FIELDS | GROUP_HAS_EVENT;
  const fields = Buffer.concat([Buffer.from([0, 6]), field(FIELD_MESSAGE_ID, 'm-1')]);
  const parts = [text('hall'), text('ann'), Buffer.from([0, 0, 0, 4]), fields, text('typing')];

  it('is read whole', () => {
    expect(deliver(group(whole, GROUP_ROOM, ...parts, Buffer.from('1')))).toEqual([
      {
        type: 'room-message',
        peer: 'peer',
        room: 'hall',
        from: 'ann',
        receipt: 5,
        messageId: 'm-1',
        trace: null,
        event: 'typing',
        data: Buffer.from('1'),
        isVolatile: false,
      },
    ]);
    expect(deliver(group(0, GROUP_ROOM, text('hall'), Buffer.from('1')))).toMatchObject([
      { room: 'hall', from: null, receipt: 0, messageId: null, event: null, data: Buffer.from('1') },
    ]);
  });

  it('is passed over when it is of a later version, or names our session as one that must ignore it', () => {
    expect(deliver(group(0, 9, text('hall')))).toEqual([]);
    const naming = (...sessions: readonly number[]): Buffer =>
      group(
        GROUP_HAS_NOT_LIST,
        GROUP_ROOM,
        text('hall'),
        Buffer.from([sessions.length, ...sessions.flatMap((session) => [0, 0, 0, session])]),
        Buffer.from('1'),
      );
    expect(deliver(naming(SESSION - 1, SESSION))).toEqual([]);
    for (const list of [naming(), naming(SESSION - 1)]) {
      expect(deliver(list)).toMatchObject([{ room: 'hall', data: Buffer.from('1') }]);
    }
  });

  it('is malformed when a part is cut off', () => {
    const body = Buffer.concat([Buffer.from([whole, GROUP_ROOM]), ...parts]);
    for (let length = 1; length < body.length; length++) {
      expect(() => deliver(field(MESSAGE_GROUP, body.subarray(0, length)))).toThrow(MalformedDatagramError);
    }
  });
});
