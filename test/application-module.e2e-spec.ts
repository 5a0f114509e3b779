import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable, Module, type OnModuleInit } from '@nestjs/common';
import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { ConnectionRegistry } from '../src/connections/connection-registry.js';
import type { Connection } from '../src/connections/connection.js';
import { Messaging } from '../src/messaging/messaging.js';
import { MessagingModule } from '../src/messaging/messaging.module.js';
import { UdpBroadcast } from '../src/udp-broadcast/udp-broadcast.js';
import { UdpBroadcastModule } from '../src/udp-broadcast/udp-broadcast.module.js';
import { clusterEnvironment } from './support/environment.js';
import { TestClient } from '../src/testing/test-client.js';
import { TestNode } from './support/node.js';

/** A module as a team would write it: it uses only what Lanfare's modules export. */
@Injectable()
class AuditTrail implements OnModuleInit {
  readonly arrivals: string[] = [];
  datagrams = 0;

  constructor(
    private readonly connections: ConnectionRegistry,
    private readonly udp: UdpBroadcast,
  ) {}

  onModuleInit(): void {
    this.connections.changes$.subscribe(({ change, connection }) =>
      this.arrivals.push(`${connection.userId} ${change}`),
    );
    this.udp.datagrams$.subscribe(() => this.datagrams++);
  }
}

@WebSocketGateway()
class OrdersGateway {
  constructor(private readonly messaging: Messaging) {}

  @SubscribeMessage('order')
  async order(@MessageBody() body: { item: string }, @ConnectedSocket() { userId }: Connection) {
    const outcome = await this.messaging.send('warehouse', { item: body.item }, userId);
    return { event: 'ordered', data: { item: body.item, seen: outcome.delivered } };
  }

  @SubscribeMessage('count')
  count(@MessageBody() items: unknown[]): number {
    return items.length;
  }

  @SubscribeMessage('note')
  note(): void {}
}

@Module({ imports: [MessagingModule, UdpBroadcastModule], providers: [AuditTrail, OrdersGateway] })
class OrdersModule {}

describe("an enterprise team's module, added by one import", () => {
  let a: TestNode;
  let b: TestNode;

  beforeAll(async () => {
    const env = clusterEnvironment();
    [a, b] = await Promise.all([TestNode.start(env, [OrdersModule]), TestNode.start(env, [OrdersModule])]);
  });

  afterAll(async () => {
    await Promise.all([a.stop(), b.stop()]);
  });

  it("handles its own events on the core's sockets, and sends to users on other nodes", async () => {
    const customer = await TestClient.ready(a.url('user_id=customer'));
    const warehouse = await TestClient.ready(b.url('user_id=warehouse'));
    customer.send({ event: 'order', id: 1, data: { item: 'lamp' } });
    expect(await warehouse.nextJson()).toEqual({
      event: 'message',
      data: { from: 'customer', data: { item: 'lamp' } },
    });
    expect(await customer.nextJson()).toMatchObject({ event: 'ordered', id: 1, data: { item: 'lamp' } });
    await Promise.all([customer.close(), warehouse.close()]);
  });

  it('answers a request with what its handler returns, and with the id of the request', async () => {
    const client = await TestClient.ready(a.url('user_id=1'));
    expect(await client.ask({ event: 'count', data: [1, 2] }, 'c')).toEqual({
      event: 'count',
      id: 'c',
      data: 2,
    });
    expect(await client.ask({ event: 'note' }, 5)).toEqual({ event: 'ack', id: 5 });
    await client.close();
  });

  it('leaves core frames and unknown events to the core', async () => {
    const client = await TestClient.ready(a.url('user_id=1'));
    expect(await client.ask({ event: 'send', data: { user_id: 1, data: 'x' } })).toMatchObject({
      event: 'ack',
    });
    expect(await client.ask({ event: 'orders' })).toMatchObject({
      event: 'error',
      data: { code: 'unknown_event' },
    });
    await client.close();
  });

  it('sees connections come and go, and the datagrams of the LAN', async () => {
    const trail = a.app.get(AuditTrail);
    trail.arrivals.length = 0;
    const visitor = await TestClient.ready(a.url('user_id=visitor'));
    const gone = new Promise<void>((resolve) => {
      a.app.get(ConnectionRegistry).changes$.subscribe(({ change }) => change === 'removed' && resolve());
    });
    await visitor.close();
    await gone;
    expect(trail.arrivals).toEqual(['visitor added', 'visitor removed']);
    expect(trail.datagrams).toBeGreaterThan(0);
  });
});
