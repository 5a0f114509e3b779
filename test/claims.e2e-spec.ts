import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Global, Module, UseGuards, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { ConnectedSocket, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { filter, firstValueFrom } from 'rxjs';
import { ConnectionKey } from '../src/connections/connection-key.js';
import { ConnectionRegistry } from '../src/connections/connection-registry.js';
import type { Connection } from '../src/connections/connection.js';
import { MessagePolicy } from '../src/messaging/message-policy.js';
import { TestClient, V1 } from '../src/testing/test-client.js';
import { secretKey, sign } from './support/key-server.js';
import { TestNode } from './support/node.js';

const SECRET = 'a secret of at least thirty-two bytes';
const PAYLOAD_BYTES_MAX = 4096;
const visits = new ConnectionKey<number>('visits');

class OnlyAdmins implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    return context.switchToWs().getClient<Connection>().claims['role'] === 'admin';
  }
}

@WebSocketGateway()
class ClaimsGateway {
  @SubscribeMessage('claims')
  claims(@ConnectedSocket() { claims }: Connection): unknown {
    return claims;
  }

  @UseGuards(OnlyAdmins)
  @SubscribeMessage('admin')
  admin(): string {
    return 'welcome';
  }

  @SubscribeMessage('visit')
  visit(@ConnectedSocket() connection: Connection): number {
    connection.set(visits, (connection.get(visits) ?? 0) + 1);
    return connection.get(visits) as number;
  }
}

class WritersOnly extends MessagePolicy {
  allows({ claims }: Connection): boolean {
    return claims['write'] !== false;
  }
}

@Global()
@Module({
  providers: [ClaimsGateway, { provide: MessagePolicy, useClass: WritersOnly }],
  exports: [MessagePolicy],
})
class ClaimsModule {}

describe('the claims of a token', () => {
  let node: TestNode;

  beforeAll(async () => {
    const env = {
      AUTH_MODE: 'jwt',
      AUTH_JWT_SECRET: SECRET,
      WS_MAX_PAYLOAD_BYTES: String(PAYLOAD_BYTES_MAX),
    };
    node = await TestNode.start({ CLUSTER_BUS: 'none', ...env }, [ClaimsModule]);
  });

  afterAll(async () => node.stop());

  const tokenWith = async (claims: object) => sign(secretKey(SECRET), { sub: 'jo', ...claims });
  const connect = async (claims: object) =>
    TestClient.ready(node.url(''), [V1, `lanfare.bearer.${await tokenWith(claims)}`]);

  it('reach handlers, but for those that are judged already', async () => {
    const client = await connect({ iss: 'https://id.example', iat: 1, role: 'guest', rooms: ['chat:*'] });
    const answer = await client.ask({ event: 'claims' });
    expect(answer['data']).toEqual({ role: 'guest', rooms: ['chat:*'] });
    await client.close();
    const plain = await connect({});
    expect((await plain.ask({ event: 'claims' }))['data']).toEqual({});
    await plain.close();
  });

  it('reach guards, and a newer token changes them', async () => {
    const client = await connect({ role: 'guest' });
    expect(await client.ask({ event: 'admin' })).toMatchObject({ data: { code: 'forbidden' } });
    const token = await tokenWith({ role: 'admin' });
    expect(await client.ask({ event: 'refresh', data: { token } })).toMatchObject({ event: 'ack' });
    expect(await client.ask({ event: 'admin' })).toMatchObject({ data: 'welcome' });
    await client.close();
  });

  it('reach policies', async () => {
    const client = await connect({ write: false });
    expect(await client.ask({ user_id: 'jo', data: 1 })).toMatchObject({ data: { code: 'forbidden' } });
    await client.close();
  });

  it('reach those who watch connections, from the first change on', async () => {
    const { changes$ } = node.app.get(ConnectionRegistry);
    const added = firstValueFrom(changes$.pipe(filter(({ change }) => change === 'added')));
    const client = await connect({ tenant: 'acme' });
    expect((await added).connection.claims).toEqual({ tenant: 'acme' });
    await client.close();
  });

  it("have beside them a place for a module's own data, one in each connection", async () => {
    const [first, second] = [await connect({}), await connect({})];
    for (const visit of [1, 2]) expect((await first.ask({ event: 'visit' }))['data']).toBe(visit);
    expect((await second.ask({ event: 'visit' }))['data']).toBe(1);
    await Promise.all([first.close(), second.close()]);
  });
});

describe('the frame ready', () => {
  it('tells how large a message may be', async () => {
    const env = { CLUSTER_BUS: 'none', WS_MAX_PAYLOAD_BYTES: String(PAYLOAD_BYTES_MAX) };
    const node = await TestNode.start(env);
    const client = await TestClient.connect(node.url('user_id=1'), V1);
    expect(await client.nextJson()).toMatchObject({ data: { limits: { payload_bytes: PAYLOAD_BYTES_MAX } } });
    await client.close();
    await node.stop();
  });
});
