import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Body, Controller, Get, Module, Post } from '@nestjs/common';
import { GatewayStatistics } from '../src/gateway/gateway-statistics.js';
import { TestNode } from './support/node.js';
import { handshake, RawClient } from './support/raw-client.js';

@Controller('orders')
class OrdersController {
  @Get()
  list(): string[] {
    return ['lamp'];
  }

  @Post()
  create(@Body() order: object): object {
    return { created: order };
  }
}

@Module({ controllers: [OrdersController] })
class OrdersModule {}

/** What Java's HttpClient and `curl --http2` send on every cleartext connection. */
const H2C = [
  'Connection: Upgrade, HTTP2-Settings',
  'Upgrade: h2c',
  'HTTP2-Settings: AAMAAABkAAQBAAAAAAIAAAAA',
];

function request(line: string, headers: readonly string[] = [], body = ''): string {
  const lines = [`${line} HTTP/1.1`, 'Host: 127.0.0.1', ...headers];
  if (body !== '') lines.push('Content-Type: application/json', `Content-Length: ${body.length}`);
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

describe('a request that offers another protocol than WebSocket', () => {
  let node: TestNode;

  beforeAll(async () => {
    node = await TestNode.start({ CLUSTER_BUS: 'none' }, [OrdersModule]);
  });

  afterAll(async () => {
    await node.stop();
  });

  it.each([
    ['GET', request('GET /orders', H2C), 200, '["lamp"]'],
    ['POST', request('POST /orders', H2C, '{"a":1}'), 201, '{"created":{"a":1}}'],
    ['POST that offers websocket', handshake('/orders', ['Content-Length: 0'], 'POST'), 201, '{}'],
  ])('is answered as though it did not: %s', async (_, text, status, body) => {
    const client = await RawClient.connect(node.port);
    client.write(text);
    const answer = await client.response();
    expect([answer.status, answer.body]).toEqual([status, body]);
    client.destroy();
  });

  it('leaves its connection to the next requests, whose bodies come in pieces', async () => {
    const client = await RawClient.connect(node.port);
    client.write(request('GET /orders', H2C));
    expect((await client.response()).body).toBe('["lamp"]');
    const text = request('POST /orders', H2C, '{"b":2}');
    client.write(text.slice(0, -3));
    const other = await fetch(`http://127.0.0.1:${node.port}/orders`);
    expect(other.status).toBe(200);
    client.write(text.slice(-3));
    expect((await client.response()).body).toBe('{"created":{"b":2}}');
    client.destroy();
  });

  it('may be followed by an upgrade to WebSocket', async () => {
    const client = await RawClient.connect(node.port);
    client.write(request('GET /orders', H2C));
    expect((await client.response()).status).toBe(200);
    client.write(handshake('/chat?user_id=1'));
    expect((await client.response()).status).toBe(101);
    client.destroy();
  });

  it.each(['/chat?user_id=1', '/chat'])('to WS_PATH is told to upgrade, and counted: %s', async (path) => {
    const { handshakes } = node.app.get(GatewayStatistics);
    const before = handshakes.upgrade_required;
    const client = await RawClient.connect(node.port);
    client.write(request(`GET ${path}`, H2C));
    const { status, headers } = await client.response();
    expect([status, headers['upgrade']]).toEqual([426, 'websocket']);
    expect(handshakes.upgrade_required).toBe(before + 1);
    client.destroy();
  });
});
