import { describe, expect, it } from '@jest/globals';
import type { Environment } from '../src/config/variables.js';
import { Clients } from '../src/gateway/admission/clients.js';
import { Door } from '../src/gateway/admission/door.js';
import { CLOSES } from '../src/wire/codes.js';
import { TestClient, V1 } from '../src/testing/test-client.js';
import { clusterEnvironment } from './support/environment.js';
import { TestNode } from './support/node.js';
import { clientFrame, handshake, RawClient } from './support/raw-client.js';
import { until } from './support/until.js';

const TEXT = 1;
const PING = 9;

/** Runs the test on a node of its own. */
async function on(env: Environment, test: (node: TestNode) => Promise<void>): Promise<void> {
  const node = await TestNode.start({ CLUSTER_BUS: 'none', ...env });
  try {
    await test(node);
  } finally {
    await node.stop();
  }
}

const refusal = async (url: string, headers: Record<string, string> = {}) => {
  const { status, body } = await TestClient.refusal(url, [], { headers });
  return [status, body['code']];
};

const from = (address: string) => ({ 'x-forwarded-for': address });

describe('connections', () => {
  it('are limited altogether, and a place that is left can be taken', async () =>
    on({ WS_MAX_CONNECTIONS: '2' }, async (node) => {
      const [first] = await Promise.all(
        [1, 2].map(async (id) => TestClient.connect(node.url(`user_id=${id}`))),
      );
      expect(await refusal(node.url('user_id=3'))).toEqual([503, 'full']);
      await first?.close();
      await until(() => node.app.get(Clients).size === 1);
      await TestClient.connect(node.url('user_id=3'));
    }));

  it('are limited by user, however many come at once', async () =>
    on({ WS_MAX_CONNECTIONS_PER_USER: '3' }, async (node) => {
      const results = await Promise.allSettled(
        Array.from({ length: 20 }, async () => {
          const raw = await RawClient.connect(node.port);
          raw.write(handshake('/chat?user_id=many'));
          return (await raw.response()).status;
        }),
      );
      const statuses = results.map((result) => (result.status === 'fulfilled' ? result.value : 0));
      expect([statuses.filter((s) => s === 101).length, statuses.filter((s) => s === 429).length]).toEqual([
        3, 17,
      ]);
      expect(await refusal(node.url('user_id=many'))).toEqual([429, 'too_many_for_user']);
    }));

  it('are limited by address, as trusted proxies tell it', async () =>
    on({ WS_MAX_CONNECTIONS_PER_IP: '1', WS_TRUSTED_PROXIES: '127.0.0.1,10.0.0.0/8' }, async (node) => {
      await TestClient.connect(node.url('user_id=1'), [], { headers: from('192.0.2.1') });
      const again = [
        '192.0.2.1',
        '198.51.100.7, 192.0.2.1',
        '192.0.2.1, 10.1.2.3',
        '::FFFF:192.0.2.1',
        '192.0.2.1:50001',
      ];
      for (const address of again) {
        expect([address, ...(await refusal(node.url('user_id=2'), from(address)))]).toEqual([
          address,
          429,
          'too_many_from_address',
        ]);
      }
      const other = await TestClient.connect(node.url('user_id=2'), [], { headers: from('192.0.2.2:443') });
      await other.close();
    }));

  it('are limited by subnet where addresses are IPv6, and a place that is left can be taken', async () =>
    on({ WS_MAX_CONNECTIONS_PER_IP: '1', WS_TRUSTED_PROXIES: '127.0.0.1' }, async (node) => {
      const open = async (address: string) =>
        TestClient.connect(node.url('user_id=1'), [], { headers: from(address) });
      const first = await open('[2001:db8::1]:443');
      expect(await refusal(node.url('user_id=2'), from('2001:db8::2'))).toEqual([
        429,
        'too_many_from_address',
      ]);
      await open('2001:db8:0:1::1');
      await first.close();
      await until(() => node.app.get(Clients).size === 1);
      await open('2001:db8::2');
    }));

  it('are limited by second, and refusals are not owed', async () =>
    on({ WS_CONNECTIONS_PER_SECOND: '2' }, async (node) => {
      const statuses = await Promise.all(
        Array.from({ length: 50 }, async () => {
          const raw = await RawClient.connect(node.port);
          raw.write(handshake('/chat?user_id=1'));
          const { status } = await raw.response();
          raw.destroy();
          return status;
        }),
      );
      expect(statuses.filter((status) => status === 101).length).toBeLessThan(6);
      for (;;) {
        const client = await TestClient.connect(node.url('user_id=1')).catch(() => null);
        if (client !== null) break;
      }
    }));

  it('leave nothing behind when they vanish while they are held', async () =>
    on({ WS_MAX_CONNECTIONS: '5' }, async (node) => {
      for (let round = 0; round < 20; round++) {
        const raw = await RawClient.connect(node.port);
        raw.write(handshake('/chat?user_id=1'));
        raw.destroy();
      }
      await until(() => node.app.get(Clients).size === 0);
      const client = await TestClient.connect(node.url('user_id=1'));
      await client.close();
    }));
});

describe('a client that sends too fast', () => {
  const limits = { WS_MESSAGES_PER_SECOND: '10', WS_MESSAGES_BURST: '20' };

  it('is told so frame by frame, and closed when it goes on', async () =>
    on(limits, async (node) => {
      const client = await TestClient.connect(node.url('user_id=1'));
      for (let id = 0; id < 60; id++) client.send({ user_id: 1, data: 'x', id });
      expect(await client.closed).toEqual(CLOSES.rate_limited);
      const frames = client.pending.filter((frame) => frame !== 'x').map((frame) => JSON.parse(frame));
      const refusedFrom = frames.findIndex(({ event }) => event === 'error');
      // the bucket fills again while it is emptied
      expect(refusedFrom).toBeGreaterThanOrEqual(20);
      expect(
        frames.slice(0, refusedFrom).every(({ event, id }, index) => event === 'ack' && id === index),
      ).toBe(true);
      expect(frames[refusedFrom]).toMatchObject({
        id: refusedFrom,
        data: { code: 'rate_limited', retryable: true },
      });
      expect(frames.length).toBeLessThan(60);
    }));

  it.each([
    ['one after the other', 1],
    ['at once', 100],
  ])('is no client that pings within the rate, %s', async (_, together) =>
    // a heartbeat would come among the answers
    on({ WS_PING_INTERVAL_MS: '0' }, async (node) => {
      const client = await RawClient.open(node.port, '/chat?user_id=1');
      for (let sent = 0; sent < 300; sent += together) {
        client.write(Buffer.concat(Array.from({ length: together }, () => clientFrame(PING, 'still'))));
        for (let answered = 0; answered < together; answered++) {
          expect((await client.frame()).payload.toString()).toBe('still');
        }
      }
      client.destroy();
    }),
  );

  it('is closed for pings as well', async () =>
    on(limits, async (node) => {
      const client = await RawClient.open(node.port, '/chat?user_id=1');
      client.write(Buffer.concat(Array.from({ length: 60 }, () => clientFrame(PING, ''))));
      expect(await client.closeFrame()).toEqual(CLOSES.rate_limited);
    }));

  it('is not read any more when it is closed, and cut soon', async () =>
    on(limits, async (node) => {
      const client = await RawClient.open(node.port, '/chat?user_id=1');
      const flood = Buffer.concat(Array.from({ length: 1000 }, () => clientFrame(TEXT, '{"event":"ping"}')));
      let taken = 0;
      const write = () => {
        while (!client.socket.destroyed && client.socket.write(flood)) taken += flood.length;
      };
      client.socket.on('drain', write);
      write();
      expect(await client.closeFrame()).toEqual(CLOSES.rate_limited);
      await client.ended();
      // what fits into the kernel's buffers; it would be hundreds of megabytes
      expect(taken).toBeLessThan(32_000_000);
    }));

  it('is no client with WS_MESSAGES_PER_SECOND=0', async () =>
    on({ WS_MESSAGES_PER_SECOND: '0' }, async (node) => {
      const client = await TestClient.connect(node.url('user_id=1'));
      for (let id = 0; id < 3000; id++) client.send({ event: 'ping' });
      expect(await client.ask({ event: 'ping' })).toEqual({ event: 'pong', id: 'q' });
      await client.close();
    }));
});

describe('requests in flight', () => {
  it('pause reading at their limit, and lose nothing', async () =>
    on({ WS_MAX_IN_FLIGHT: '4', WS_MESSAGES_PER_SECOND: '0' }, async (node) => {
      const client = await TestClient.connect(node.url('user_id=1'));
      for (let id = 0; id < 500; id++) client.send({ user_id: 'nobody', data: id, id });
      for (let id = 0; id < 500; id++) expect((await client.nextJson())['id']).toBe(id);
      await client.close();
    }));
});

describe('a client that does not read', () => {
  it(
    'is closed with 4000 within its limit, and others are served',
    async () =>
      on({ WS_BUFFER_LIMIT_BYTES: '65536', WS_MESSAGES_PER_SECOND: '0' }, async (node) => {
        const slow = await RawClient.open(node.port, '/chat?user_id=slow');
        slow.socket.pause();
        const sender = await TestClient.connect(node.url('user_id=sender'), [V1]);
        const data = 'x'.repeat(30_000);
        let delivered = 0;
        for (let id = 0; ; id++) {
          const answer = await sender.ask({ user_id: 'slow', data }, id);
          if ((answer['data'] as { delivered: number }).delivered === 0) break;
          delivered++;
        }
        expect(delivered).toBeGreaterThan(2);
        slow.socket.resume();
        expect(await slow.closeFrame()).toEqual(CLOSES.slow_client);
        await slow.ended();
        expect(await sender.ask({ event: 'ping' })).toEqual({ event: 'pong', id: 'q' });
        await sender.close();
      }),
    60_000,
  );

  it(
    'is cut when it does not take the close frame either, and its user is gone',
    async () =>
      on({ WS_BUFFER_LIMIT_BYTES: '65536', WS_MESSAGES_PER_SECOND: '0' }, async (node) => {
        const slow = await RawClient.open(node.port, '/chat?user_id=slow');
        slow.socket.pause();
        const sender = await TestClient.connect(node.url('user_id=sender'));
        const data = 'x'.repeat(60_000);
        for (let id = 0; node.app.get(Clients).size === 2 && id < 300; id++) {
          await sender.ask({ user_id: 'slow', data }, id);
        }
        await until(() => node.app.get(Clients).size === 1);
        await sender.close();
        slow.destroy();
      }),
    60_000,
  );
});

describe('clients that do not read', () => {
  const KIB = 1024;
  const TOTAL = 1024 * KIB;
  const data = 'x'.repeat(30_000);

  it(
    'have one limit together: who holds most is closed with 4000, and nobody else',
    async () =>
      on(
        {
          WS_BUFFER_LIMIT_BYTES: String(TOTAL),
          WS_BUFFER_TOTAL_BYTES: String(TOTAL),
          WS_MESSAGES_PER_SECOND: '0',
        },
        async (node) => {
          const clients = node.app.get(Clients);
          const sender = await TestClient.connect(node.url('user_id=sender'), [V1]);
          const backlogOf = (user: string) =>
            [...clients].find(({ userId }) => userId === user)?.backlogBytes ?? 0;
          let most = 0;
          const slow = async (user: string, bytes: number): Promise<[RawClient, number]> => {
            const client = await RawClient.open(node.port, `/chat?user_id=${user}`);
            client.socket.pause();
            let sent = 0;
            while (backlogOf(user) < bytes && clients.backlogs.shed === 0) {
              await sender.ask({ user_id: user, data }, ++sent);
              most = Math.max(most, clients.backlogs.bytes);
            }
            return [client, sent];
          };
          const [first] = await slow('first', 300 * KIB);
          const [largest] = await slow('largest', 400 * KIB);
          const [last, sentToLast] = await slow('last', 200 * KIB);
          expect(clients.backlogs.shed).toBe(1);
          expect(most).toBeLessThanOrEqual(TOTAL);
          largest.socket.resume();
          expect(await largest.closeFrame()).toEqual(CLOSES.slow_client);
          largest.destroy();
          for (const client of [first, last]) client.socket.resume();
          for (let received = 0; received < sentToLast; received++) {
            expect((await last.frame()).payload.toString()).toBe(data);
          }
          await until(() => clients.backlogs.bytes === 0 && clients.size === 3);
          expect([...clients].map(({ userId }) => userId)).toEqual(['sender', 'first', 'last']);
          for (const client of [first, last]) client.destroy();
          await sender.close();
        },
      ),
    60_000,
  );
});

describe('what clients have sent and was not handled yet', () => {
  const KIB = 1024;
  const TOTAL = 1024 * KIB;
  const env = {
    WS_UNHANDLED_TOTAL_BYTES: String(TOTAL),
    WS_MAX_CONNECTIONS_PER_USER: '0',
    WS_MESSAGES_PER_SECOND: '0',
  };
  /** Begins a message that never ends. */
  const begin = async (node: TestNode, bytes: number): Promise<RawClient> => {
    const client = await RawClient.open(node.port, '/chat?user_id=begins');
    client.write(clientFrame(TEXT, 'x'.repeat(bytes), { length: 65_000n }));
    return client;
  };

  it('has one limit for all clients: the client that holds most is closed with 4003, and others are not', async () =>
    on(env, async (node) => {
      const { unhandled } = node.app.get(Clients);
      const honest = await TestClient.connect(node.url('user_id=honest'), [V1]);
      const largest = await begin(node, 64_000);
      await until(() => unhandled.bytes > 64_000);
      const others: RawClient[] = [];
      let most = 0;
      while (unhandled.shed === 0) {
        others.push(await begin(node, 30_000));
        await honest.ask({ event: 'ping' });
        most = Math.max(most, unhandled.bytes);
      }
      expect(await largest.closeFrame()).toEqual(CLOSES.unhandled);
      expect(most).toBeLessThanOrEqual(TOTAL);
      expect(others.length * 30_000).toBeGreaterThan(TOTAL / 2);
      expect(await honest.ask({ user_id: 'honest', data: 1 })).toMatchObject({ data: { delivered: 1 } });
      for (const client of [largest, ...others]) client.destroy();
      await until(() => unhandled.bytes === 0);
      await honest.close();
    }));

  it('cuts those that stay when they are closed', async () =>
    on(env, async (node) => {
      const { unhandled } = node.app.get(Clients);
      const clients: RawClient[] = [];
      let most = 0;
      // none of them answers its close frame
      for (let count = 0; count < 40; count++) {
        const client = await begin(node, 60_000);
        client.socket.pause();
        clients.push(client);
        await until(() => unhandled.bytes > 0);
        most = Math.max(most, unhandled.bytes);
      }
      await until(() => node.app.get(Clients).size < 20);
      expect(most).toBeLessThanOrEqual(TOTAL);
      for (const client of clients) client.destroy();
    }));

  it('counts all that small fragments keep in memory', async () =>
    // a heartbeat would come among the pongs
    on({ ...env, WS_PING_INTERVAL_MS: '0' }, async (node) => {
      const { unhandled } = node.app.get(Clients);
      const client = await RawClient.open(node.port, '/chat?user_id=1');
      const pings = Buffer.concat(Array.from({ length: 50 }, () => clientFrame(PING, 'x'.repeat(100))));
      for (let fragment = 0; fragment < 20; fragment++) {
        client.write(Buffer.concat([clientFrame(fragment === 0 ? TEXT : 0, 'x', { fin: false }), pings]));
        for (let pong = 0; pong < 50; pong++) await client.frame();
      }
      expect(unhandled.bytes).toBeGreaterThan(20 * pings.length);
      client.write(clientFrame(0, '"'));
      await client.frame();
      expect(unhandled.bytes).toBe(0);
      client.destroy();
    }));

  it('makes clients wait, and the node knows how many wait', async () =>
    on(env, async (node) => {
      const clients = node.app.get(Clients);
      const client = await TestClient.ready(node.url('user_id=1'));
      const [connection] = clients;
      connection?.intake.pause('policy');
      expect(clients.paused).toBe(1);
      connection?.intake.resume('policy');
      expect(clients.paused).toBe(0);
      await client.close();
    }));
});

describe('heartbeats', () => {
  it('find a client that has gone without a word, and keep one that answers', async () =>
    on({ WS_PING_INTERVAL_MS: '1000', WS_MAX_CONNECTIONS_PER_USER: '1' }, async (node) => {
      const dead = await RawClient.open(node.port, '/chat?user_id=dead');
      const alive = await TestClient.connect(node.url('user_id=alive'));
      expect(await refusal(node.url('user_id=dead'))).toEqual([429, 'too_many_for_user']);
      expect(await dead.closeFrame()).toEqual(CLOSES.heartbeat);
      expect(await alive.ask({ event: 'ping' })).toEqual({ event: 'pong', id: 'q' });
      await alive.close();
      // it answers no close frame either: it is cut, and another may have its place
      await dead.ended();
      const back = await TestClient.ready(node.url('user_id=dead'));
      await back.close();
    }));
});

describe('a message with a message_id', () => {
  it('is delivered once, and its retry is told the same', async () =>
    on({}, async (node) => {
      const [ann, bob] = await Promise.all(
        ['ann', 'bob'].map(async (user) => TestClient.connect(node.url(`user_id=${user}`))),
      );
      if (ann === undefined || bob === undefined) throw new Error('not connected');
      const frame = { user_id: 'bob', data: 'once', message_id: 'm1' };
      const first = await ann.ask(frame, 1);
      expect(first).toMatchObject({ event: 'ack', data: { delivered: 1, complete: true } });
      expect(await ann.ask(frame, 2)).toMatchObject({ data: { delivered: 1, complete: true } });
      // another sender, another receiver or another id is another message
      expect(await bob.ask(frame, 3)).toMatchObject({ data: { delivered: 1 } });
      expect(await ann.ask({ ...frame, message_id: 'm2' }, 4)).toMatchObject({ data: { delivered: 1 } });
      await bob.ask({ event: 'ping' });
      expect([...bob.pending]).toEqual([]);
      await Promise.all([ann.close(), bob.close()]);
    }));

  it('is known again on the node of the receiver, whichever node the retry comes through', async () => {
    const env = clusterEnvironment();
    const nodes = await Promise.all([0, 1, 2].map(async () => TestNode.start(env)));
    const [a, b, c] = nodes as [TestNode, TestNode, TestNode];
    const bob = await TestClient.connect(c.url('user_id=bob'));
    const frame = { user_id: 'bob', data: 'once', message_id: 'é1' };
    for (const node of [a, b, c]) {
      const ann = await TestClient.connect(node.url('user_id=ann'));
      expect(await ann.ask(frame)).toMatchObject({ event: 'ack', data: { delivered: 1, complete: true } });
      await ann.close();
    }
    expect(await bob.next()).toBe('once');
    expect(await bob.ask({ event: 'ping' })).toMatchObject({ event: 'pong' });
    expect([...bob.pending]).toEqual([]);
    await Promise.all(nodes.map(async (node) => node.stop()));
  });

  it('that reached nobody may be tried again', async () =>
    on({}, async (node) => {
      const ann = await TestClient.connect(node.url('user_id=ann'));
      const frame = { user_id: 'bob', data: 'later', message_id: 'm1' };
      expect(await ann.ask(frame, 1)).toMatchObject({ data: { delivered: 0 } });
      const bob = await TestClient.connect(node.url('user_id=bob'));
      expect(await ann.ask(frame, 2)).toMatchObject({ data: { delivered: 1 } });
      expect(await bob.next()).toBe('later');
      await Promise.all([ann.close(), bob.close()]);
    }));
});

describe('a node that drains', () => {
  it('answers what is in flight, and takes what was sent before the client could know', async () =>
    on({ SHUTDOWN_GRACE_MS: '2000' }, async (node) => {
      const reader = await TestClient.connect(node.url('user_id=reader'));
      const writer = await RawClient.open(node.port, '/chat?user_id=writer');
      const stopping = node.stop();
      expect(node.app.get(Door).isDraining || (await turn(() => node.app.get(Door).isDraining))).toBe(true);
      expect(await refusal(node.url('user_id=late'))).toEqual([503, 'draining']);
      writer.write(clientFrame(TEXT, '{"user_id":"reader","data":"on its way"}'));
      expect(await writer.closeFrame()).toEqual(CLOSES.draining);
      writer.write(clientFrame(8, Buffer.from([0x03, 0xf4])));
      expect((await reader.closed).code).toBe(1012);
      await stopping;
    }));
});

/** Waits until a condition becomes true. */
async function turn(isSo: () => boolean): Promise<boolean> {
  await until(isSo);
  return true;
}
