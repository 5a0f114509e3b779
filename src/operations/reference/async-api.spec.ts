import { describe, expect, it } from '@jest/globals';
import { Ajv } from 'ajv';
import * as fc from 'fast-check';
import { createRequire } from 'node:module';
import { readFrame } from '../../wire/incoming-frame.js';
import {
  ackFrame,
  deliveryPrefix,
  DELIVERY_SUFFIX,
  doneFrame,
  errorFrame,
  pongFrame,
  readyFrame,
  refreshedFrame,
  tokenExpiringFrame,
} from '../../wire/outgoing-frame.js';
import {
  memberChangeFrames,
  memberCountFrame,
  membersFrames,
  usersFrames,
  watchAckFrame,
} from '../../wire/presence-frames.js';
import {
  broadcastDelivery,
  joinAckFrame,
  joinedFrame,
  leftFrame,
  roomDelivery,
} from '../../wire/room-frames.js';
import { asyncApiDocument } from './async-api.js';
import { clientFrames, serverFrames } from './client-frames.js';

describe('the AsyncAPI document', () => {
  it("is valid by AsyncAPI's own schema", () => {
    const specification = createRequire(import.meta.url)(
      '@asyncapi/specs/schemas/3.0.0-without-$id.json',
    ) as object;
    const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
    const isValid = ajv.compile(specification);
    const document: unknown = JSON.parse(JSON.stringify(asyncApiDocument('/chat')));
    isValid(document);
    expect(isValid.errors).toBeNull();
    // the check can fail
    expect(isValid({ ...(document as object), operations: { bad: { action: 'shout' } } })).toBe(false);
  });

  it('has every frame, and every reference has a target', () => {
    const document = JSON.stringify(asyncApiDocument('/chat'));
    const references = [...document.matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path]) =>
      (path as string).split('/'),
    );
    for (const path of references) {
      let at: unknown = JSON.parse(document);
      for (const step of path) at = (at as Record<string, unknown>)[step];
      expect(at).toBeDefined();
    }
    expect(references.length).toBeGreaterThan(20);
  });
});

describe('the schemas of client frames', () => {
  const id = fc.oneof(
    fc.string({ maxLength: 70, unit: 'binary' }),
    fc.integer(),
    fc.constant(-0),
    fc.double(),
    fc.boolean(),
  );
  const member = fc.oneof(
    id,
    fc.constant(null),
    fc.constant(''),
    fc.string({ minLength: 120, maxLength: 135 }),
  );
  const body = fc.record({ user_id: member, data: fc.jsonValue(), message_id: member }, { requiredKeys: [] });
  const frame = fc.oneof(
    fc.record({ event: fc.constant('send'), id, data: body }, { requiredKeys: ['event'] }),
    fc.record(
      { user_id: member, data: fc.jsonValue(), id, message_id: member },
      { requiredKeys: ['user_id'] },
    ),
    fc.record({ event: fc.constant('ping'), id }, { requiredKeys: ['event'] }),
  );

  it('accept exactly what the server accepts', () => {
    fc.assert(
      fc.property(frame, (value) => {
        const text = JSON.stringify(value);
        const parsed = JSON.parse(text) as object;
        const read = readFrame(Buffer.from(text));
        const { send, plainSend, ping } = clientFrames;
        const schema = 'event' in parsed ? (parsed.event === 'ping' ? ping : send) : plainSend;
        expect({ text, isTaken: schema.safeParse(parsed).success }).toEqual({
          text,
          isTaken: read.kind !== 'bad',
        });
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the schemas of server frames', () => {
  const delivery = (from: string | null) =>
    Buffer.concat([deliveryPrefix(from), Buffer.from('{"x":1}'), DELIVERY_SUFFIX]).toString();

  const roomText = (messageId?: string) =>
    roomDelivery({
      room: 'a',
      from: null,
      data: Buffer.from('1'),
      ...(messageId !== undefined && { messageId }),
    }).payload.toString();

  it.each([
    [
      'ready',
      readyFrame({ user_id: '1', connection_id: 'c', node_id: 'n', limits: { payload_bytes: 65_536 } }),
    ],
    ['message', delivery('1')],
    ['message', delivery(null)],
    ['ack', ackFrame('7', { delivered: 3, complete: true })],
    ['ack', doneFrame('"a"')],
    ['ack', watchAckFrame('7', ['1'], true)],
    ...['online' as const, 'offline' as const].flatMap((change) =>
      [...usersFrames(change, ['1', 'a'])].map((frame) => ['presence', frame] as const),
    ),
    ...[
      ...membersFrames('a', [{ user: '1', devices: 2, info: '{"x":1}' }]),
      ...memberChangeFrames('a', {
        joined: [{ user: '1', devices: 1, info: '' }],
        updated: [{ user: '2', devices: 1, info: 'null' }],
        left: ['3'],
      }),
      memberCountFrame('a', { users: 2, devices: 3 }),
    ].map(({ payload }) => ['presence', payload.toString()] as const),
    ['ack', refreshedFrame('7', 1000)],
    ['ack', refreshedFrame('7', null)],
    ['roomMessage', roomText('m')],
    ['roomMessage', roomText(undefined)],
    ['broadcast', broadcastDelivery({ from: null, data: Buffer.from('1') }).payload.toString()],
    ['joined', joinedFrame('a')],
    ['left', leftFrame('a', 'forbidden')],
    ['ack', joinAckFrame('1', [{ room: 'a', complete: false }], false)],
    [
      'ack',
      joinAckFrame(
        '1',
        [
          { room: 'a', complete: true },
          { room: '*', error: { code: 'bad_room', message: 'no', retryable: false } },
        ],
        true,
      ),
    ],
    ['error', errorFrame('not_joined', null, undefined, 'a')],
    ['pong', pongFrame(null)],
    ['pong', pongFrame('1')],
    ['error', errorFrame('bad_json', null)],
    ['error', errorFrame('congested', '"x"')],
    ['tokenExpiring', tokenExpiringFrame(1000)],
  ] as const)('describe %s as it is sent: %s', (name, text) => {
    const value: unknown = JSON.parse(text);
    // parsing drops members that a schema does not have
    expect(serverFrames[name].parse(value)).toEqual(value);
  });
});
