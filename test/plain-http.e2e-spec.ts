import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  Body,
  Controller,
  Get,
  Module,
  Post,
  type MiddlewareConsumer,
  type NestModule,
} from '@nestjs/common';
import { WebSocketGateway } from '@nestjs/websockets';
import type { NextFunction, Request, Response } from 'express';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Server } from 'node:http';
import { GatewayStatistics } from '../src/gateway/gateway-statistics.js';
import { refusalBody } from '../src/gateway/admission/upgrade-refusal.js';
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

@WebSocketGateway({ path: '/rooms/:room' })
class RoomsGateway {}

@Module({ controllers: [OrdersController], providers: [RoomsGateway] })
class OrdersModule {}

@Module({})
class MiddlewareModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    const answer = ({ originalUrl }: Request, response: Response, next: NextFunction) =>
      originalUrl === '/any/path' ? response.send('from a middleware') : next();
    consumer.apply(answer).forRoutes('{*path}');
  }
}

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
    ['an absolute URL', request('GET http://shop.example/orders?page=1', H2C), 200, '["lamp"]'],
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

describe('a plain request that no module handles', () => {
  let node: TestNode;
  let statistics: GatewayStatistics;
  /** How many responses Node has made, for whichever code. */
  let responses = 0;

  const count = (message: unknown) => {
    if ((message as { server: Server }).server === node.app.getHttpServer()) responses++;
  };

  beforeAll(async () => {
    node = await TestNode.start({ CLUSTER_BUS: 'none' }, [OrdersModule]);
    statistics = node.app.get(GatewayStatistics);
    subscribe('http.server.request.start', count);
  });

  afterAll(async () => {
    unsubscribe('http.server.request.start', count);
    await node.stop();
  });

  it.each([
    ['GET /nothing', request('GET /nothing')],
    ['a method that its path does not have', request('DELETE /orders')],
    ['a body', request('POST /nothing', [], '{"a":1}')],
    ['another protocol', request('GET /nothing', H2C)],
    ['no host', 'GET /nothing HTTP/1.1\r\n\r\n'],
    ['a path whose escapes are broken', request('GET /%zz')],
    ['no path', request('OPTIONS *')],
    ['an absolute URL', request('GET http://shop.example/nothing')],
  ])('is told so before a response is made for it, and its connection ends: %s', async (_, text) => {
    const before = [statistics.turnedAway.not_found, responses];
    const client = await RawClient.connect(node.port);
    client.write(text);
    const { status, headers, body } = await client.response();
    expect([status, headers['connection'], body]).toEqual([404, 'close', refusalBody('not_found')]);
    await client.ended();
    expect([statistics.turnedAway.not_found - 1, responses]).toEqual(before);
  });

  it('has no body where it is a HEAD', async () => {
    const response = await fetch(`http://127.0.0.1:${node.port}/nothing`, { method: 'HEAD' });
    expect([response.status, await response.text()]).toEqual([404, '']);
  });

  it('is the last of its connection that is looked at', async () => {
    const before = [statistics.turnedAway.not_found, responses];
    const client = await RawClient.connect(node.port);
    client.write(request('GET /nothing').repeat(1000));
    expect((await client.response()).status).toBe(404);
    await client.ended();
    expect([statistics.turnedAway.not_found - 1, responses]).toEqual(before);
  });

  it('is answered after those before it', async () => {
    const before = statistics.turnedAway.not_found;
    const client = await RawClient.connect(node.port);
    client.write(request('GET /orders') + request('GET /nothing'));
    expect((await client.response()).body).toBe('["lamp"]');
    const { status, headers } = await client.response();
    expect([status, headers['connection']]).toEqual([404, 'close']);
    await client.ended();
    expect(statistics.turnedAway.not_found).toBe(before + 1);
  });

  it.each(['/chat', '/rooms/1'])('is told to upgrade where WebSocket is spoken: %s', async (path) => {
    const client = await RawClient.connect(node.port);
    client.write(request(`POST ${path}`));
    const { status, headers, body } = await client.response();
    expect([status, headers['upgrade'], body]).toEqual([426, 'websocket', refusalBody('upgrade_required')]);
    await client.ended();
  });
});

describe('a plain request that a module handles', () => {
  it('may be followed by others, and tells nobody what serves it', async () => {
    const node = await TestNode.start({ CLUSTER_BUS: 'none' }, [OrdersModule]);
    const client = await RawClient.connect(node.port);
    for (let round = 0; round < 3; round++) {
      client.write(request('GET /orders'));
      const { status, headers } = await client.response();
      expect([status, headers['x-powered-by'], headers['connection']]).toEqual([
        200,
        undefined,
        'keep-alive',
      ]);
    }
    client.destroy();
    await node.stop();
  });

  it('is handled by a middleware too, whatever the path', async () => {
    const node = await TestNode.start({ CLUSTER_BUS: 'none' }, [MiddlewareModule]);
    const response = await fetch(`http://127.0.0.1:${node.port}/any/path`);
    expect([response.status, await response.text()]).toEqual([200, 'from a middleware']);
    await node.stop();
  });
});
