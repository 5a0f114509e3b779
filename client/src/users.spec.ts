import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { connect, type Connection } from './index.js';
import { stopClock } from './testing/clock.js';
import { FakeSockets, settled } from './testing/fake-sockets.js';
import { watchUsers, type UsersOnline } from './users.js';

interface Told {
  readonly event: string;
  readonly id: number;
  readonly data: { readonly user_ids: readonly string[] };
}

let sockets: FakeSockets;
let lan: Connection;

beforeEach(async () => {
  stopClock();
  sockets = new FakeSockets();
  lan = connect({ url: 'ws://a', WebSocket: sockets.WebSocket });
  await settled();
});

afterEach(() => {
  lan.close();
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
});

/** What was asked for on the present connection. */
const told = () => sockets.last.sent.map((text) => JSON.parse(text) as Told);
const asked = () => told().map(({ event, data }) => [event, ...data.user_ids]);

async function answer(data: object, event = 'ack'): Promise<void> {
  sockets.last.receive({ event, id: told().at(-1)?.id, data });
  await settled();
}

async function reconnect(): Promise<void> {
  sockets.last.end(1012);
  jest.runOnlyPendingTimers();
  await settled();
  sockets.last.ready();
  await settled();
}

function watch(...users: (string | number)[]) {
  const seen: UsersOnline[] = [];
  const stop = watchUsers(lan, users, (now) => seen.push(now));
  return { seen, stop };
}

describe('users who are watched', () => {
  it('are asked for when there is a connection, and told of as they come and go', async () => {
    const { seen, stop } = watch('bob', 3);
    await settled();
    expect([asked(), seen]).toEqual([[], []]);
    sockets.last.ready();
    await settled();
    expect(asked()).toEqual([['watch', 'bob', '3']]);
    await answer({ online: ['3'], complete: true });
    sockets.last.receive({ event: 'presence', data: { online: ['bob'] } });
    sockets.last.receive({ event: 'presence', data: { offline: ['3'] } });
    expect(seen.map(({ online }) => online)).toEqual([['3'], ['bob', '3'], ['bob']]);
    expect(seen.every(({ complete, error }) => complete && error === null)).toBe(true);
    stop();
    await settled();
    expect(asked().at(-1)).toEqual(['unwatch', 'bob', '3']);
    sockets.last.receive({ event: 'presence', data: { offline: ['bob'] } });
    expect(seen).toHaveLength(3);
  });

  it('are asked for together and once, whoever wants to know, until nobody does', async () => {
    sockets.last.ready();
    await settled();
    const one = watch('bob', 'eve');
    const two = watch('bob');
    await settled();
    expect(asked()).toEqual([['watch', 'bob', 'eve']]);
    await answer({ online: ['bob'], complete: true });
    const three = watch('bob');
    await settled();
    expect([asked().length, three.seen.at(-1)?.online]).toEqual([1, ['bob']]);
    for (const { stop } of [one, one, three]) stop();
    await settled();
    expect(asked().slice(1)).toEqual([['unwatch', 'eve']]);
    two.stop();
    await settled();
    expect(asked().slice(2)).toEqual([['unwatch', 'bob']]);
  });

  it('are shown as they were until the next connection says how it is', async () => {
    sockets.last.ready();
    const { seen } = watch('bob', 'eve');
    await settled();
    await answer({ online: ['bob'], complete: false });
    expect(seen.at(-1)).toMatchObject({ online: ['bob'], complete: false });
    await reconnect();
    expect(seen.at(-1)).toMatchObject({ online: ['bob'], complete: false });
    expect(asked()).toEqual([['watch', 'bob', 'eve']]);
    await answer({ online: ['eve'], complete: true });
    expect(seen.at(-1)).toMatchObject({ online: ['eve'], complete: true });
  });

  it('of one call are told although those of another are too many', async () => {
    sockets.last.ready();
    const fine = watch('bob');
    await settled();
    await answer({ online: [], complete: true });
    const refused = watch('bob', 'eve');
    await settled();
    await answer({ code: 'limit_exceeded', message: 'no', retryable: false }, 'error');
    expect(refused.seen.at(-1)).toMatchObject({ complete: false, error: { code: 'limit_exceeded' } });
    expect(fine.seen.at(-1)).toMatchObject({ complete: true, error: null });
  });

  it('are asked for again when the refusal is temporary', async () => {
    sockets.last.ready();
    const { seen } = watch('bob');
    await settled();
    await answer({ code: 'rate_limited', message: 'no', retryable: true }, 'error');
    await jest.advanceTimersByTimeAsync(5000);
    await settled();
    expect(asked()).toEqual([
      ['watch', 'bob'],
      ['watch', 'bob'],
    ]);
    await answer({ online: ['bob'], complete: true });
    expect(seen.at(-1)).toEqual({ online: ['bob'], complete: true, error: null });
  });

  it('are told to all handlers, also when one throws', async () => {
    sockets.last.ready();
    const errors: unknown[] = [];
    lan.on('error', (error) => errors.push(error));
    watchUsers(lan, ['bob'], () => {
      throw new Error('mine');
    });
    const { seen } = watch('bob');
    await settled();
    await answer({ online: ['bob'], complete: true });
    expect(seen).toHaveLength(1);
    expect(errors).toMatchObject([{ message: 'mine' }]);
  });
});
