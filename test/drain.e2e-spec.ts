import { describe, expect, it } from '@jest/globals';
import { Injectable, Module } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { EventEmitter, once } from 'node:events';
import { Door } from '../src/gateway/admission/door.js';
import { CLOSES } from '../src/wire/codes.js';
import { clusterEnvironment } from './support/environment.js';
import { TestClient, V1 } from '../src/testing/test-client.js';
import { TestNode } from './support/node.js';
import { NodeProcess } from './support/node-process.js';
import { clientFrame, handshake, RawClient } from './support/raw-client.js';

const happened = new EventEmitter();

@Injectable()
@WebSocketGateway()
class SlowGateway {
  readonly finished: string[] = [];

  @SubscribeMessage('work')
  async work(): Promise<string> {
    const [result] = (await once(happened, 'done')) as [string];
    return result;
  }

  async handleDisconnect(): Promise<void> {
    happened.emit('leaving');
    await once(happened, 'stored');
    this.finished.push('stored');
  }
}

@Module({ providers: [SlowGateway] })
class SlowModule {}

describe('a node that drains', () => {
  it('answers what is under way before it closes, refuses new clients, and waits for what gateways do', async () => {
    const node = await TestNode.start({ CLUSTER_BUS: 'none' }, [SlowModule]);
    const gateway = node.app.get(SlowGateway, { strict: false });
    const client = await TestClient.ready(node.url('user_id=1'));
    client.send({ event: 'work', id: 1 });
    await client.ask({ event: 'ping' });

    const stopping = node.stop();
    for (let refused = 0; refused !== 503;) {
      const late = await RawClient.connect(node.port);
      late.write(handshake('/chat?user_id=late'));
      refused = (await late.response()).status;
      late.destroy();
    }
    expect(node.app.get(Door).isDraining).toBe(true);

    const leaving = once(happened, 'leaving');
    happened.emit('done', 'result');
    expect(await client.nextJson()).toEqual({ event: 'work', id: 1, data: 'result' });
    expect(await client.closed).toEqual(CLOSES.draining);
    await leaving;
    expect(gateway.finished).toEqual([]);
    happened.emit('stored');
    await stopping;
    expect(gateway.finished).toContain('stored');
  });

  it('delivers what a client sent before it could know of the drain', async () => {
    const node = await TestNode.start({ CLUSTER_BUS: 'none' }, [SlowModule]);
    const writer = await RawClient.open(node.port, '/chat?user_id=writer');
    // this client has a request under way, so its connection stays open a little longer
    const reader = await TestClient.ready(node.url('user_id=reader'));
    reader.send({ event: 'work', id: 1 });
    await reader.ask({ event: 'ping' });

    const stopping = node.stop();
    expect(await writer.closeFrame()).toEqual(CLOSES.draining);
    writer.write(clientFrame(1, '{"user_id":"reader","data":"on its way","id":1}'));
    expect(await reader.nextJson()).toMatchObject({ data: { from: 'writer', data: 'on its way' } });
    writer.write(clientFrame(8, Buffer.from([0x03, 0xf4])));
    await once(happened, 'leaving');
    const leaving = once(happened, 'leaving');
    happened.emit('done', 'result');
    await leaving;
    happened.emit('stored');
    await stopping;
  });

  it('ends clients that do not answer when the grace is over', async () => {
    const node = await TestNode.start({ CLUSTER_BUS: 'none', SHUTDOWN_GRACE_MS: '200' });
    const deaf = await RawClient.open(node.port, '/chat?user_id=1');
    await node.stop();
    await deaf.ended();
  });
});

describe('a process', () => {
  it('closes hundreds of clients with 1012 in waves on SIGTERM, and exits with 0', async () => {
    const node = await NodeProcess.start({ CLUSTER_BUS: 'none' });
    const clients = await Promise.all(
      Array.from({ length: 300 }, async (_, id) => TestClient.connect(node.url(`user_id=${id}`), [V1])),
    );
    const times: number[] = [];
    node.signal('SIGTERM');
    await Promise.all(
      clients.map(async ({ closed }) => {
        expect(await closed).toEqual(CLOSES.draining);
        times.push(performance.now());
      }),
    );
    expect(await node.exited()).toBe(0);
    expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(100);
  });

  it('ends at once on a second signal', async () => {
    const node = await NodeProcess.start({ CLUSTER_BUS: 'none', SHUTDOWN_GRACE_MS: '60000' });
    const deaf = await RawClient.open(node.port, '/chat?user_id=1');
    node.signal('SIGTERM');
    await deaf.closeFrame();
    node.signal('SIGTERM');
    expect(await node.exited()).toBe(128 + 15);
  });

  it('says loudly that it is insecure on a public HOST', async () => {
    const node = await NodeProcess.start(clusterEnvironment({ CLUSTER_BUS: 'none', HOST: '0.0.0.0' }));
    const local = await NodeProcess.start({ CLUSTER_BUS: 'none' });
    await Promise.all([node.stop(), local.stop()]);
    expect(node.output).toContain('INSECURE: AUTH_MODE=insecure on HOST=0.0.0.0');
    expect(local.output).toContain('AUTH_MODE=insecure: clients are whoever they say they are');
    expect(local.output).not.toContain('INSECURE');
  });
});
