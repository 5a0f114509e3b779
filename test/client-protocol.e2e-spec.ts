import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Ajv } from 'ajv';
import type { z } from 'zod';
import type { DirectMessage } from '../client/src/connection.js';
import { connect, type Connection } from '../client/src/index.js';
import type { Outcome } from '../client/src/options.js';
import type { Member, PresenceCount, PresenceData } from '../client/src/presence.js';
import type { ServerCode } from '../client/src/protocol.js';
import type { ErrorData } from '../client/src/requests.js';
import type { RoomMessage } from '../client/src/room.js';
import type { Session } from '../client/src/state.js';
import { FakeSockets, settled } from '../client/src/testing/fake-sockets.js';
import { watchUsers } from '../client/src/users.js';
import { asyncApiDocument } from '../src/operations/reference/async-api.js';
import type { serverFrames } from '../src/operations/reference/client-frames.js';
import type { FRAME_ERRORS, UPGRADE_REFUSALS } from '../src/wire/codes.js';

/**
 * The client holds to the AsyncAPI document. What it reads is compared by the compiler, in `npm run check:types`, with the
 * schemas that the document is made of; what it sends is compared here with the document.
 */

type Sent = typeof serverFrames;
/** Optional members as JSON has them: there, or not; never undefined. */
type AsJson<T> = T extends readonly unknown[]
  ? { [Index in keyof T]: AsJson<T[Index]> }
  : T extends object
    ? {
        [Key in keyof T]: undefined extends T[Key]
          ? unknown extends T[Key]
            ? T[Key]
            : AsJson<Exclude<T[Key], undefined>>
          : AsJson<T[Key]>;
      }
    : T;
type DataOf<Name extends keyof Sent> =
  z.infer<Sent[Name]> extends { data?: infer Data } ? AsJson<Data> : never;

/** True where the server sends what the client expects, and the client expects no member that is never sent. */
type Fits<Data, Expected> = [Data] extends [Expected]
  ? Exclude<keyof Expected, KeyOf<Data>> extends never
    ? true
    : ['never sent', Exclude<keyof Expected, KeyOf<Data>>]
  : ['sent', Data, 'expected', Expected];
/** The keys of all members of a union. */
type KeyOf<Union> = Union extends unknown ? keyof Union : never;
/** The members of a union that have this key. */
type With<Union, Key extends string> = Extract<Union, Record<Key, unknown>>;
type Same<A, B> = [A, B] extends [B, A] ? true : [A, B];

/** Compiles where it is given `true`: else the compiler says what does not fit. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the compiler judges what is given
function holds<_Truth extends true>(): void {}

holds<Fits<DataOf<'ready'>, Session>>();
holds<Fits<DataOf<'message'>, Omit<DirectMessage, 'broadcast'>>>();
holds<Fits<DataOf<'broadcast'>, DirectMessage>>();
holds<Fits<DataOf<'roomMessage'>, RoomMessage>>();
holds<Fits<With<DataOf<'presence'>, 'room'>, PresenceData>>();
holds<Fits<With<DataOf<'presence'>, 'members'>['members'][number], Member>>();
holds<Fits<With<DataOf<'presence'>, 'count'>['count'], PresenceCount>>();
holds<Fits<With<DataOf<'ack'>, 'delivered'>, Outcome>>();
holds<Fits<Omit<DataOf<'error'>, 'room'>, ErrorData>>();
holds<Same<ServerCode, keyof typeof FRAME_ERRORS | keyof typeof UPGRADE_REFUSALS>>();

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
}

interface Document {
  readonly components: { readonly messages: Readonly<Record<string, { readonly payload: Schema }>> };
}

/** The members that a schema names, at any depth: those of `data` are `data.room` and so on. */
function membersOf({ properties = {}, anyOf = [], items }: Schema, path = ''): string[] {
  const own = Object.entries(properties).flatMap(([name, schema]) => [
    path + name,
    ...membersOf(schema, `${path}${name}.`),
  ]);
  return [...own, ...[...anyOf, ...(items ? [items] : [])].flatMap((schema) => membersOf(schema, path))];
}

/** The members that a value has, named in the same way. What users say (`data`, `info`) is not looked into. */
function namesIn(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null || /data[.]data[.]$|info[.]$/.test(path)) return [];
  if (Array.isArray(value)) return value.flatMap((item) => namesIn(item, path));
  return Object.entries(value).flatMap(([name, member]) => [
    path + name,
    ...namesIn(member, `${path}${name}.`),
  ]);
}

describe('what lanfare-client sends', () => {
  const { messages } = (asyncApiDocument('/chat') as Document).components;
  const ajv = new Ajv({ strict: false });
  let sockets: FakeSockets;
  let lan: Connection;

  beforeEach(async () => {
    sockets = new FakeSockets();
    lan = connect({ url: 'ws://a', WebSocket: sockets.WebSocket, token: () => 'a.b.c' });
    await settled();
    sockets.last.ready();
  });

  afterEach(() => lan.close());

  it.each<[string, (lan: Connection) => unknown]>([
    ['send', () => lan.send('bob', { text: 'haha' }, { messageId: 'm' })],
    ['send', () => lan.send(2, null, { volatile: true })],
    ['join', () => lan.room('chat:42')],
    ['join', () => [lan.room('a'), lan.room('b', { presence: 'both', info: { name: 'Ann' } })]],
    ['leave', () => lan.room('a').leave()],
    ['publish', () => lan.room('a').publish(1, { messageId: 'm', echo: false })],
    ['publish', () => lan.room('a').publish(1, { volatile: true })],
    ['watch', () => watchUsers(lan, ['bob', 3], () => undefined)],
    [
      'unwatch',
      async () => {
        const stop = watchUsers(lan, ['bob'], () => undefined);
        await settled();
        stop();
      },
    ],
    ['refresh', () => sockets.last.receive({ event: 'token_expiring', data: { expires_at: 1 } })],
  ])('is as the AsyncAPI document has it: %s', async (event, act) => {
    act(lan);
    for (let turn = 0; turn < 3; turn += 1) await settled();
    const frames = sockets.last.sent.map((text) => JSON.parse(text) as { event: string });
    const frame = frames.find((sent) => sent.event === event);
    const payload = messages[event]?.payload ?? {};
    expect(ajv.validate(payload, frame) ? [] : ajv.errors).toEqual([]);
    // members that the document does not name are legal, and not understood
    expect(new Set(membersOf(payload))).toEqual(new Set([...membersOf(payload), ...namesIn(frame)]));
  });
});
