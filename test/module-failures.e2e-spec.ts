import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Module } from '@nestjs/common';
import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { EventEmitter, once } from 'node:events';
import { CLOSES } from '../src/wire/codes.js';
import type { ClientSocket } from '../src/gateway/client/client-socket.js';
import { GatewayStatistics } from '../src/gateway/gateway-statistics.js';
import { LogRecorder } from './support/log-recorder.js';
import { TestClient } from './support/client.js';
import { TestNode } from './support/node.js';

const KIB = 1024;
const BUFFER_LIMIT_BYTES = 256 * KIB;

const happened = new EventEmitter();

@WebSocketGateway()
class SocketGateway {
  @SubscribeMessage('close')
  close(@ConnectedSocket() client: ClientSocket, @MessageBody() args: [number, string]): void {
    client.close(...args);
  }

  /** Everything in one turn: the client can't read meanwhile. */
  @SubscribeMessage('flood')
  flood(@ConnectedSocket() client: ClientSocket, @MessageBody() how: string): void {
    client.connection.onClosed(() => happened.emit('closed'));
    const payload = Buffer.alloc(how === 'ping' ? 125 : 64 * KIB, '.');
    for (let bytes = 0; bytes < 64 * KIB * KIB && client.connection.isOpen; bytes += payload.length) {
      if (how === 'binary') client.send(payload);
      else if (how === 'text with a callback') client.send(payload.toString(), () => undefined);
      else if (how === 'text') client.send(payload.toString());
      else client.ping(payload);
    }
  }

  @SubscribeMessage('too much')
  async tooMuch(@ConnectedSocket() client: ClientSocket, @MessageBody() isText: boolean): Promise<unknown> {
    const data = Buffer.alloc(BUFFER_LIMIT_BYTES + 1);
    const error = await new Promise<Error | undefined>((resolve) => {
      client.send(isText ? data.toString() : data, resolve);
    });
    return error?.message ?? null;
  }

  @SubscribeMessage('nonsense')
  async nonsense(@ConnectedSocket() client: ClientSocket): Promise<unknown> {
    client.ping(Buffer.alloc(126));
    client.send({ not: 'bytes' } as never);
    client.connection.close('nonsense' as never);
    return 'not reached';
  }

  @SubscribeMessage('listen')
  listen(@ConnectedSocket() client: ClientSocket, @MessageBody() event: string): void {
    client.on(event, () => {
      throw new Error(`a listener of "${event}" that fails`);
    });
  }
}

@Module({ providers: [SocketGateway] })
class SocketModule {}

describe("what a module does wrong with a client's socket", () => {
  let node: TestNode;
  let log: LogRecorder;
  let bystander: TestClient;

  beforeAll(async () => {
    log = new LogRecorder();
    const env = {
      CLUSTER_BUS: 'none',
      WS_BUFFER_LIMIT_BYTES: String(BUFFER_LIMIT_BYTES),
    };
    node = await TestNode.start(env, [SocketModule], log);
    bystander = await TestClient.ready(node.url('user_id=bystander'));
  });

  afterAll(async () => {
    await bystander.close();
    await node.stop();
  });

  const connect = async () => TestClient.ready(node.url('user_id=client'));

  it.each([
    ['a code that is none', [1005, 'x'], CLOSES.failed],
    ['a code that is no number', ['4001', 'x'], CLOSES.failed],
    ['a reason that is too long', [4001, 'x'.repeat(124)], { code: 4001, reason: '' }],
  ])('closes it all the same, and says so: a close with %s', async (_, args, close) => {
    const client = await connect();
    client.send({ event: 'close', data: args });
    expect(await client.closed).toEqual(close);
    expect(log.text).toContain("A module's close of a client");
    expect(await bystander.ask({ user_id: 'client', data: 1 })).toMatchObject({ data: { delivered: 0 } });
  });

  it.each(['binary', 'text with a callback', 'text', 'ping'])(
    'is held to the limit of its queue: %s',
    async (how) => {
      const { closes } = node.app.get(GatewayStatistics);
      const before = closes.slow_client;
      const closed = once(happened, 'closed');
      const client = await connect();
      client.send({ event: 'flood', data: how });
      await closed;
      expect(closes.slow_client).toBe(before + 1);
    },
  );

  it.each([true, false])('does not send what is larger than a queue may be (text: %s)', async (isText) => {
    const client = await connect();
    expect(await client.ask({ event: 'too much', data: isText })).toMatchObject({
      data: `a frame of ${BUFFER_LIMIT_BYTES + 1} bytes is larger than WS_BUFFER_LIMIT_BYTES`,
    });
    expect(client.pending).toEqual([]);
    await client.close();
  });

  it('costs the request, and the connection is as before', async () => {
    const client = await connect();
    expect(await client.ask({ event: 'nonsense' })).toMatchObject({ data: { code: 'internal' } });
    expect(await bystander.ask({ user_id: 'client', data: 1 })).toMatchObject({ data: { delivered: 1 } });
    await client.close();
  });

  it.each(['message', 'ping'])('costs the connection when its own listener of "%s" throws', async (event) => {
    const client = await connect();
    await client.ask({ event: 'listen', data: event });
    if (event === 'ping') client.socket.ping();
    else client.send({ event: 'ping' });
    expect(await client.closed).toEqual(CLOSES.failed);
    expect(log.text).toContain(`a listener of \\"${event}\\" that fails`);
    expect(await bystander.ask({ event: 'ping' })).toMatchObject({ event: 'pong' });
  });

  it('costs nothing when its own listener of "close" throws', async () => {
    const client = await connect();
    await client.ask({ event: 'listen', data: 'close' });
    await client.close();
    expect(await bystander.ask({ event: 'ping' })).toMatchObject({ event: 'pong' });
  });
});
