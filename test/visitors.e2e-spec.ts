import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Module } from '@nestjs/common';
import type { Environment } from '../src/config/variables.js';
import { REQUESTS_PER_SOCKET_MAX } from '../src/gateway/limits/handshake-limits.js';
import { GatewayStatistics } from '../src/gateway/gateway-statistics.js';
import { TestNode } from './support/node.js';
import { handshake, RawClient } from './support/raw-client.js';
import { until } from './support/until.js';

const SLOW = 'GET /slow HTTP/1.1\r\nHost: x\r\n\r\n';
const PAGE = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
/** WS_MAX_CONNECTIONS_PER_IP=1 leaves so many sockets to visitors of one address. */
const VISITORS_OF_ONE = 12;

/** Requests under way at the slow controller, to be let go. */
const underWay: (() => void)[] = [];

@Controller('slow')
class SlowController {
  @Get()
  async wait(): Promise<string> {
    await new Promise<void>((resolve) => underWay.push(resolve));
    return 'done';
  }
}

@Module({ controllers: [SlowController] })
class SlowModule {}

type Counted = GatewayStatistics['turnedAway'];

async function on(
  env: Environment,
  test: (node: TestNode, counted: Counted) => Promise<void>,
): Promise<void> {
  const node = await TestNode.start({ CLUSTER_BUS: 'none', ...env }, [SlowModule]);
  await test(node, node.app.get(GatewayStatistics).turnedAway);
  await node.stop();
}

const connect = async (node: TestNode, count: number) =>
  Promise.all(Array.from({ length: count }, async () => RawClient.connect(node.port)));

/** The sockets that are still open after the node has closed others. */
const staying = (clients: RawClient[]) => clients.filter(({ socket }) => !socket.destroyed);

describe('sockets that are no clients yet', () => {
  it('are limited by address, and a place that is left can be taken', async () =>
    on({ WS_MAX_CONNECTIONS_PER_IP: '1' }, async (node, counted) => {
      const clients = await connect(node, VISITORS_OF_ONE + 3);
      await until(() => staying(clients).length === VISITORS_OF_ONE);
      expect(counted.too_many_from_address).toBe(3);
      const [first, second] = staying(clients) as [RawClient, RawClient];
      // one becomes a client, one leaves
      first.write(handshake('/chat?user_id=1'));
      expect((await first.response()).status).toBe(101);
      second.destroy();
      await until(() => second.socket.closed);
      const more = await connect(node, 3);
      await until(() => staying(more).length === 2);
      expect(counted.too_many_from_address).toBe(4);
      // a client above the limit is told so
      const [third] = staying(more) as [RawClient];
      third.write(handshake('/chat?user_id=1'));
      expect((await third.response()).status).toBe(429);
      for (const client of [...clients, ...more]) client.destroy();
    }));

  it('are not limited by address where that is a trusted proxy', async () =>
    on({ WS_MAX_CONNECTIONS_PER_IP: '1', WS_TRUSTED_PROXIES: '127.0.0.1' }, async (node, counted) => {
      const clients = await connect(node, VISITORS_OF_ONE + 3);
      const [last] = await connect(node, 1);
      last?.write(PAGE);
      expect((await last?.response())?.status).toBe(200);
      expect([staying(clients).length, counted.too_many_from_address]).toEqual([VISITORS_OF_ONE + 3, 0]);
      for (const client of clients) client.destroy();
    }));

  it('are limited altogether, and counted', async () =>
    on({ WS_MAX_CONNECTIONS: '1', WS_TRUSTED_PROXIES: '127.0.0.1' }, async (node, counted) => {
      // the client takes one of 129 places: WS_MAX_CONNECTIONS and 128
      const client = await RawClient.open(node.port, '/chat?user_id=1');
      const visitors = await connect(node, 140);
      await until(() => staying(visitors).length === 128);
      expect(counted.full).toBe(12);
      for (const each of [client, ...visitors]) each.destroy();
    }));

  it.each<[keyof Counted, number, string]>([
    ['too_slow', 408, handshake('/chat').slice(0, -2)],
    ['too_slow', 408, ''],
    ['too_large', 431, handshake('/chat', [`X-Fat: ${'x'.repeat(9000)}`])],
    ['bad_request', 400, '\u0016\u0003\u0001 this is TLS\r\n\r\n'],
  ])('are told what is wrong, and counted: %s', async (reason, status, text) =>
    on({ WS_HANDSHAKE_TIMEOUT_MS: '300' }, async (node, counted) => {
      const client = await RawClient.connect(node.port);
      client.write(text);
      expect((await client.response()).status).toBe(status);
      await client.ended();
      expect(counted[reason]).toBe(1);
    }),
  );
});

describe('requests of one socket', () => {
  it('may wait for their answers ten at a time; one with more is cut, and counted', async () =>
    on({}, async (node, counted) => {
      const [patient, hasty] = (await connect(node, 2)) as [RawClient, RawClient];
      patient.write(SLOW.repeat(10));
      await until(() => underWay.length === 10);
      hasty.write(SLOW.repeat(1000));
      await hasty.ended();
      expect([underWay.length, counted.too_many_requests]).toEqual([20, 1]);
      for (const answer of underWay.splice(0)) answer();
      for (let answer = 0; answer < 10; answer++) expect((await patient.response()).body).toBe('done');
      patient.destroy();
    }));

  it('are limited: the last one is answered with Connection: close', async () =>
    on({}, async (node) => {
      const client = await RawClient.connect(node.port);
      for (let round = 1; round <= REQUESTS_PER_SOCKET_MAX; round++) {
        client.write(PAGE);
        const { status, headers } = await client.response();
        const connection = round < REQUESTS_PER_SOCKET_MAX ? 'keep-alive' : 'close';
        if (status !== 200 || headers['connection'] !== connection) {
          throw new Error(`${round}: ${status} ${headers['connection']}`);
        }
      }
      await client.ended();
    }));
});
