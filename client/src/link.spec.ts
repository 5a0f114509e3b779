import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { connect, type Connection, type ConnectOptions, type State } from './index.js';
import { sleepClock, stopClock } from './testing/clock.js';
import { FakeSockets, settled } from './testing/fake-sockets.js';
import { randomFrom } from './testing/random.js';

let sockets: FakeSockets;
let lan: Connection;
let states: State[];
let isOnline: boolean;
let wake: () => void;

beforeEach(() => {
  stopClock();
  jest.spyOn(Math, 'random').mockImplementation(randomFrom(1));
  sockets = new FakeSockets();
  isOnline = true;
});

afterEach(() => {
  lan.close();
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
  jest.restoreAllMocks();
});

async function start(options: Partial<ConnectOptions> = {}): Promise<void> {
  const signals = {
    isOnline: () => isOnline,
    listen: (call: () => void) => {
      wake = call;
      return () => (wake = () => undefined);
    },
  };
  lan = connect({ url: 'ws://a', WebSocket: sockets.WebSocket, signals, ...options });
  states = [];
  lan.on('state', (state) => states.push(state));
  await settled();
}

async function open(options: Partial<ConnectOptions> = {}): Promise<void> {
  await start(options);
  sockets.last.ready();
}

async function pass(ms: number): Promise<void> {
  jest.advanceTimersByTime(ms);
  await settled();
}

/** The wait of the last state passes. Returns how long it was. */
async function retry(): Promise<number> {
  const { name, retryInMs = NaN } = lan.state;
  expect(name).toBe('waiting');
  await pass(retryInMs);
  return retryInMs;
}

describe('after an attempt that came to nothing', () => {
  it('the next wait is random, between 300 ms and a bound that doubles up to 20 s', async () => {
    await start();
    for (const bound of [600, 1200, 2400, 4800, 9600, 19_200, 20_000, 20_000]) {
      sockets.last.end(1006);
      const wait = await retry();
      expect(wait).toBeGreaterThanOrEqual(300);
      expect(wait).toBeLessThanOrEqual(bound);
    }
    expect(sockets.all).toHaveLength(9);
  });

  it('the next address is tried, in turn', async () => {
    await start({ url: ['ws://a', 'ws://b'] });
    for (let failures = 0; failures < 3; failures += 1) {
      sockets.last.end(1006);
      await retry();
    }
    expect(sockets.all.map(({ url }) => url)).toEqual(['ws://a', 'ws://b', 'ws://a', 'ws://b']);
  });

  it('a server that accepts and stays silent is left after ten seconds', async () => {
    await start();
    sockets.last.readyState = 1;
    await pass(9999);
    expect(lan.state.name).toBe('connecting');
    await pass(1);
    expect(lan.state).toMatchObject({ name: 'waiting', reason: 'the server does not get ready' });
    sockets.all[0]?.ready();
    expect(lan.state.name).toBe('waiting');
  });
});

describe('after an open connection broke', () => {
  it('1,000 clients come back evenly over two seconds', async () => {
    const waits: number[] = [];
    const clients = Array.from({ length: 1000 }, () => {
      const client = connect({ url: 'ws://a', WebSocket: sockets.WebSocket });
      client.on('state', ({ name, retryInMs }) => name === 'waiting' && waits.push(retryInMs as number));
      return client;
    });
    [lan] = clients as [Connection];
    await settled();
    for (const socket of sockets.all) socket.ready();
    for (const socket of sockets.all) socket.end(1006);
    expect(waits).toHaveLength(1000);
    const slots = Array.from({ length: 20 }, () => 0);
    for (const wait of waits) (slots[Math.floor(wait / 100)] as number) += 1;
    const chiSquare = slots.reduce((sum, count) => sum + (count - 50) ** 2 / 50, 0);
    // 19 degrees of freedom, 1%
    expect(chiSquare).toBeLessThan(36.19);
    for (const client of clients) client.close();
  });

  it('waits grow when it breaks again and again, and are short again after ten good seconds', async () => {
    await open();
    const random = jest.spyOn(Math, 'random').mockReturnValue(0.999_999);
    const waits: number[] = [];
    for (let breaks = 0; breaks < 5; breaks += 1) {
      await pass(9000);
      sockets.last.end(1006);
      waits.push(Math.round(await retry()));
      sockets.last.ready();
    }
    await pass(10_000);
    sockets.last.end(1006);
    waits.push(Math.round(await retry()));
    expect(waits).toEqual([2000, 2000, 2400, 4800, 9600, 2000]);
    random.mockRestore();
  });
});

describe('a clock that somebody sets', () => {
  it.each([-3_600_000, 3_600_000])('by %i ms changes nothing about how long it was open', async (ms) => {
    await open();
    const random = jest.spyOn(Math, 'random').mockReturnValue(0.999_999);
    const waits: number[] = [];
    for (let breaks = 0; breaks < 4; breaks += 1) {
      await pass(1000);
      sleepClock(ms);
      sockets.last.end(1006);
      waits.push(Math.round(await retry()));
      sockets.last.ready();
    }
    await pass(11_000);
    sleepClock(ms);
    sockets.last.end(1006);
    waits.push(Math.round(await retry()));
    expect(waits).toEqual([2000, 2000, 2400, 4800, 2000]);
    random.mockRestore();
  });
});

describe('the close code', () => {
  it.each([1000, 1001, 1002, 1006, 1008, 1009, 1011, 1012, 3000, 4000, 4001, 4002, 4010, 4499])(
    '%i is followed by another attempt',
    async (code) => {
      await open();
      sockets.last.end(code, 'why');
      expect(lan.state).toMatchObject({ name: 'waiting', code, reason: 'why' });
      await retry();
      expect(sockets.all).toHaveLength(2);
    },
  );

  it.each([
    [4500, 'token expired'],
    [4501, 'closed by the application'],
    [4510, 'unauthorized'],
    [4510, 'origin_not_allowed'],
    [4999, ''],
  ])('%i %s ends it, and says why', async (code, reason) => {
    await start({ token: 'a.b.c' });
    sockets.last.end(code, reason);
    expect(lan.state).toEqual({ name: 'closed', code, reason });
    await pass(600_000);
    expect(sockets.all).toHaveLength(1);
    await expect(lan.opened).rejects.toMatchObject({ code: code === 4510 ? reason : 'not_connected' });
  });
});

describe('a token that comes from a function', () => {
  it.each([
    [4500, 'token expired', 'expired'],
    [4510, 'unauthorized', 'refused'],
  ])(
    'is asked for once more after %i %s, and a second refusal in a row ends it',
    async (code, why, reason) => {
      const token = jest.fn(({ reason: asked }: { reason: string }) => `for-${asked}`);
      await start({ token });
      sockets.last.end(code, why);
      await pass(0);
      expect(token.mock.calls).toEqual([[{ reason: 'connect' }], [{ reason }]]);
      expect(sockets.last.offers).toContain(`lanfare.bearer.for-${reason}`);
      sockets.last.end(4510, 'unauthorized');
      expect(lan.state).toMatchObject({ name: 'closed', reason: 'unauthorized' });
    },
  );

  it('is kept while it is good, and asked for again when the one in use expires', async () => {
    let count = 0;
    await open({ token: () => `token-${(count += 1)}` });
    sockets.last.end(1012);
    await retry();
    expect(sockets.last.offers).toContain('lanfare.bearer.token-1');
    sockets.last.ready();
    sockets.last.receive({ event: 'token_expiring', data: { expires_at: 1 } });
    await settled();
    expect(JSON.parse(sockets.last.sent.at(-1) as string)).toMatchObject({
      event: 'refresh',
      data: { token: 'token-2' },
    });
    sockets.last.end(1012);
    await retry();
    expect(sockets.last.offers).toContain('lanfare.bearer.token-2');
  });

  it('is refreshed again when the server can not check it now, and not after the connection has gone', async () => {
    let count = 0;
    await open({ token: () => `token-${(count += 1)}` });
    const failed: unknown[] = [];
    lan.on('error', (error) => failed.push(error));
    sockets.last.receive({ event: 'token_expiring', data: { expires_at: 1 } });
    await settled();
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      const sent = JSON.parse(sockets.last.sent.at(-1) as string) as { id: number };
      expect(sent).toMatchObject({ event: 'refresh', data: { token: `token-${attempt + 1}` } });
      const data = { code: 'authentication_unavailable', message: '', retryable: true };
      sockets.last.receive({ event: 'error', id: sent.id, data });
      await settled();
      if (attempt < 3) await pass(10_000);
    }
    const { sent } = sockets.last;
    const before = sent.length;
    sockets.last.end(1012);
    await pass(10_000);
    expect([sent.length, failed]).toEqual([before, []]);
  });

  it('is tried again when the function fails, or does not answer within 20 s', async () => {
    const answers = [Promise.reject(new Error('offline')), new Promise<string>(() => undefined), 'good'];
    await start({ token: async () => answers.shift() as string });
    expect(lan.state).toMatchObject({ name: 'waiting', reason: 'token() failed: Error: offline' });
    await retry();
    await pass(20_000);
    expect(lan.state).toMatchObject({ name: 'waiting', reason: 'token() takes too long' });
    await retry();
    expect(sockets.last.offers).toContain('lanfare.bearer.good');
  });

  it('that expires while the next one is fetched is not used', async () => {
    let give: (token: string) => void = () => undefined;
    const token = jest.fn(async () => new Promise<string>((resolve) => (give = resolve)));
    await start({ token });
    expect(sockets.all).toHaveLength(0);
    give('late');
    await settled();
    sockets.last.end(4500, 'token expired');
    await pass(0);
    expect([token.mock.calls.length, sockets.all.length]).toEqual([2, 1]);
    give('fresh');
    await settled();
    expect(sockets.last.offers).toContain('lanfare.bearer.fresh');
  });
});

describe('offline', () => {
  it('the network is waited for, and an attempt is made every 20 s anyway', async () => {
    await open();
    isOnline = false;
    sockets.last.end(1006);
    expect(await retry()).toBe(20_000);
    sockets.last.end(1006);
    expect(lan.state.retryInMs).toBe(20_000);
    isOnline = true;
    wake();
    await settled();
    expect(sockets.all).toHaveLength(3);
  });
});

describe('a link that is dead', () => {
  const lastSent = () => sockets.last.sent.at(-1);

  it('is asked for a sign of life when the page wakes, and left when none comes in three seconds', async () => {
    await open();
    wake();
    expect(lastSent()).toBe('{"event":"ping"}');
    await pass(2999);
    expect(lan.state.name).toBe('open');
    await pass(1);
    expect(lan.state).toMatchObject({ name: 'waiting', reason: 'no answer to a ping' });
  });

  it('is left although the system takes the ping itself', async () => {
    await open();
    const socket = sockets.last;
    jest.spyOn(socket, 'send').mockImplementation((text) => (socket.bufferedAmount += text.length));
    wake();
    socket.bufferedAmount = 0;
    await pass(3000);
    expect(lan.state.name).toBe('waiting');
  });

  it('is noticed by silence', async () => {
    await open();
    await pass(20_000);
    expect(lastSent()).toBeUndefined();
    await pass(5000);
    expect(lastSent()).toBe('{"event":"ping"}');
    await pass(10_000);
    expect(lan.state.name).toBe('waiting');
  });

  it('is not one whose answers come', async () => {
    await open();
    for (let pings = 0; pings < 10; pings += 1) {
      wake();
      sockets.last.receive({ event: 'pong' });
      await pass(30_000);
      sockets.last.receive({ event: 'pong' });
    }
    expect(lan.state.name).toBe('open');
  });

  it('is not one that is slow to take what we send', async () => {
    await open();
    sockets.last.bufferedAmount = 3000;
    wake();
    for (let left = 2000; left >= 0; left -= 1000) {
      sockets.last.bufferedAmount = left;
      await pass(3000);
    }
    expect(lan.state.name).toBe('open');
  });

  it('is asked when the clock has jumped', async () => {
    await open();
    sleepClock(3_600_000);
    await pass(5000);
    expect(lastSent()).toBe('{"event":"ping"}');
  });

  it('is not assumed when timers come late: a page that was frozen has not read yet', async () => {
    await open();
    wake();
    sleepClock(60_000);
    await pass(3000);
    expect(lan.state.name).toBe('open');
    sockets.last.receive({ event: 'pong' });
    await pass(4000);
    expect(lan.state.name).toBe('open');
  });
});

describe('close()', () => {
  const inEveryState: [string, () => Promise<void>][] = [
    ['before anything', async () => connectNow()],
    ['while it waits for a token', async () => start({ token: async () => new Promise(() => undefined) })],
    ['while it connects', async () => start()],
    ['while it is open', async () => open()],
    ['while a ping is not answered', async () => open().then(() => wake())],
    ['while it waits', async () => open().then(() => sockets.last.end(1006))],
    ['after the end', async () => open().then(() => sockets.last.end(4501))],
  ];

  function connectNow(): void {
    lan = connect({ url: 'ws://a', WebSocket: sockets.WebSocket });
  }

  it.each(inEveryState)('%s leaves no timer, and is final', async (_, reach) => {
    await reach();
    const before = sockets.all.length;
    lan.close();
    lan.close();
    expect([lan.state.name, jest.getTimerCount()]).toEqual(['closed', 0]);
    await pass(600_000);
    expect([lan.state.name, sockets.all.length]).toEqual(['closed', before]);
    await expect(lan.send('bob', 1)).rejects.toMatchObject({ code: 'not_connected' });
  });
});

describe('connect', () => {
  it('twice gives two connections that know nothing of each other', async () => {
    await open();
    const other = connect({ url: 'ws://b', WebSocket: sockets.WebSocket });
    await settled();
    sockets.last.ready();
    other.close();
    expect([lan.state.name, other.state.name]).toEqual(['open', 'closed']);
  });

  it('prints frames with tokens masked, where it is asked to', async () => {
    const lines: string[] = [];
    const debug = (line: string) => lines.push(line);
    await open({ url: 'ws://a?token=secret1&x=1', token: () => 'secret2', debug });
    sockets.last.receive({ event: 'token_expiring', data: { expires_at: 1 } });
    await settled();
    expect(lines).toContain('= connecting to ws://a?token=***&x=1');
    expect(lines).toContain('> {"event":"refresh","id":1,"data":{"token":"***"}}');
    expect(lines.join()).not.toMatch(/secret/);
  });

  it('ends with the reason when an address or token can not be one', async () => {
    const bad = class {
      constructor(url: string) {
        throw new SyntaxError(`${url} is no URL`);
      }
    };
    await start({ WebSocket: bad as unknown as typeof sockets.WebSocket });
    expect(lan.state).toMatchObject({ name: 'closed', reason: 'ws://a is no URL' });
  });
});
