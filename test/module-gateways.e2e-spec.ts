import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  BadRequestException,
  Catch,
  Global,
  Injectable,
  Module,
  ParseIntPipe,
  UseFilters,
  UseGuards,
  UseInterceptors,
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import {
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
  WsException,
} from '@nestjs/websockets';
import { EventEmitter, once } from 'node:events';
import type { IncomingMessage, Server } from 'node:http';
import { interval, map, Observable, of, throwError } from 'rxjs';
import { WebSocketServer as PlainServer } from 'ws';
import { Authenticator, type Identity, type Rejection } from '../src/authentication/authenticator.js';
import { ConnectionRegistry } from '../src/connections/connection-registry.js';
import type { FrameRequest } from '../src/gateway/module-gateways/frame-request.js';
import type { GatewayOptions } from '../src/gateway/module-gateways/gateway-options.js';
import { MessagePolicy } from '../src/messaging/message-policy.js';
import { MessagingModule } from '../src/messaging/messaging.module.js';
import type { Connection } from '../src/connections/connection.js';
import type { Message } from '../src/wire/message.js';
import { TestClient, V1 } from '../src/testing/test-client.js';
import { TestNode } from './support/node.js';

class OnlyJo implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    return context.switchToWs().getClient<Connection>().userId === 'jo';
  }
}

class Doubling implements NestInterceptor {
  intercept(_: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(map((value) => [value, value]));
  }
}

class TeapotError extends Error {}

@Catch(TeapotError)
class TeapotFilter implements ExceptionFilter {
  catch(_: TeapotError, host: ArgumentsHost): void {
    host
      .getArgByIndex<FrameRequest>(2)
      .refuse({ code: 'teapot', message: 'short and stout', retryable: true });
  }
}

/** What happened in the gateways, for the tests to wait for. */
const happened = new EventEmitter();

@WebSocketGateway()
class ToolsGateway {
  @WebSocketServer() server!: unknown;

  constructor(private readonly connections: ConnectionRegistry) {}

  async handleConnection({ userId }: Connection): Promise<void> {
    happened.emit('connected', userId, this.connections.count(userId));
    if (userId === 'unlucky') throw new Error('the database is down');
  }

  handleDisconnect({ userId }: Connection): void {
    happened.emit('disconnected', userId, this.connections.count(userId));
    if (userId === 'unlucky') throw new Error('the database is still down');
  }

  @SubscribeMessage('echo')
  echo(@MessageBody() body: unknown): unknown {
    return body;
  }

  @SubscribeMessage('who')
  who(@ConnectedSocket() connection: Connection): unknown {
    const { id, userId, address, connectedAt } = connection;
    const [registered] = this.connections.of(userId);
    return {
      userId,
      address,
      isRecent: Date.now() - connectedAt < 60_000,
      same: registered === connection,
      id: id.length,
    };
  }

  @SubscribeMessage('push')
  push(@ConnectedSocket() connection: Connection, @MessageBody() data: unknown): boolean {
    return connection.send('pushed', data);
  }

  @SubscribeMessage('named')
  async named(): Promise<unknown> {
    return { event: 'answer', data: 42 };
  }

  @SubscribeMessage('quiet')
  quiet(): void {}

  @SubscribeMessage('several')
  several(): Observable<number> {
    return of(1, 2);
  }

  @SubscribeMessage('endless')
  endless(): Observable<number> {
    return new Observable<number>((subscriber) => {
      const ticks = interval(5).subscribe(subscriber);
      return () => {
        ticks.unsubscribe();
        happened.emit('endless stopped');
      };
    });
  }

  @UseGuards(OnlyJo)
  @SubscribeMessage('guarded')
  guarded(): string {
    return 'welcome';
  }

  @SubscribeMessage('piped')
  piped(@MessageBody('n', ParseIntPipe) n: number): number {
    return n + 1;
  }

  @UseInterceptors(Doubling)
  @SubscribeMessage('doubled')
  doubled(@MessageBody() body: unknown): unknown {
    return body;
  }

  @SubscribeMessage('refused')
  refused(): never {
    throw new WsException('the room is closed');
  }

  @SubscribeMessage('coded')
  coded(): never {
    throw new WsException({ code: 'room_full', message: 'The room is full', retryable: true });
  }

  @SubscribeMessage('invalid')
  invalid(): never {
    throw new BadRequestException(['a is missing', 'b is too long']);
  }

  @SubscribeMessage('broken')
  async broken(): Promise<never> {
    throw new Error('password of the database: 12345');
  }

  @SubscribeMessage('broken stream')
  brokenStream(): Observable<never> {
    return throwError(() => new Error('secret'));
  }

  @SubscribeMessage('circular')
  circular(): unknown {
    const value: Record<string, unknown> = {};
    value['self'] = value;
    return value;
  }

  @UseFilters(TeapotFilter)
  @SubscribeMessage('teapot')
  teapot(): never {
    throw new TeapotError();
  }
}

@WebSocketGateway()
class MoreToolsGateway {
  @SubscribeMessage('echo too')
  echo(@MessageBody() body: unknown): unknown {
    return body;
  }
}

@WebSocketGateway<GatewayOptions>({ path: '/rooms/:room' })
class RoomsGateway {
  @SubscribeMessage('where')
  where(@ConnectedSocket() { params, userId }: Connection): unknown {
    return { room: params['room'], userId };
  }
}

@WebSocketGateway<GatewayOptions>({ path: '/rooms/lobby' })
class LobbyGateway {
  @SubscribeMessage('where')
  where(): string {
    return 'in the lobby';
  }
}

@WebSocketGateway<GatewayOptions>({ path: '/status', authenticate: false })
class StatusGateway {
  @SubscribeMessage('status')
  status(@ConnectedSocket() { userId }: Connection): unknown {
    return { userId };
  }
}

@Module({
  imports: [MessagingModule],
  providers: [ToolsGateway, MoreToolsGateway, RoomsGateway, LobbyGateway, StatusGateway],
})
class TeamModule {}

describe("a team's gateway", () => {
  let node: TestNode;
  let jo: TestClient;

  beforeAll(async () => {
    node = await TestNode.start({ CLUSTER_BUS: 'none' }, [TeamModule]);
    jo = await TestClient.ready(node.url('user_id=jo'));
  });

  afterAll(async () => {
    await jo.close();
    await node.stop();
  });

  it.each([
    ['echo', { a: [1, null] }, { event: 'echo', id: 'q', data: { a: [1, null] } }],
    ['echo too', 'x', { event: 'echo too', id: 'q', data: 'x' }],
    [
      'who',
      null,
      {
        event: 'who',
        id: 'q',
        data: { userId: 'jo', address: '127.0.0.1', isRecent: true, same: true, id: 36 },
      },
    ],
    ['named', null, { event: 'answer', id: 'q', data: 42 }],
    ['quiet', null, { event: 'ack', id: 'q' }],
    ['guarded', null, { event: 'guarded', id: 'q', data: 'welcome' }],
    ['piped', { n: '41' }, { event: 'piped', id: 'q', data: 42 }],
    ['doubled', 1, { event: 'doubled', id: 'q', data: [1, 1] }],
  ])('answers "%s" with the id of the request', async (event, data, answer) => {
    expect(await jo.ask({ event, data })).toEqual(answer);
  });

  it('answers without an id where there was none', async () => {
    jo.send({ event: 'echo', data: 1 });
    expect(await jo.next()).toBe('{"event":"echo","data":1}');
  });

  it('may answer several times', async () => {
    jo.send({ event: 'several', id: 3 });
    expect([await jo.nextJson(), await jo.nextJson()]).toEqual([
      { event: 'several', id: 3, data: 1 },
      { event: 'several', id: 3, data: 2 },
    ]);
  });

  it.each([
    ['refused', { code: 'rejected', message: 'the room is closed', retryable: false }],
    ['coded', { code: 'room_full', message: 'The room is full', retryable: true }],
    ['invalid', { code: 'rejected', message: 'a is missing; b is too long', retryable: false }],
    [
      'piped',
      { code: 'rejected', message: 'Validation failed (numeric string is expected)', retryable: false },
    ],
    ['broken', { code: 'internal', message: 'The server failed to handle the frame', retryable: true }],
    [
      'broken stream',
      { code: 'internal', message: 'The server failed to handle the frame', retryable: true },
    ],
    ['circular', { code: 'internal', message: 'The server failed to handle the frame', retryable: true }],
    ['teapot', { code: 'teapot', message: 'short and stout', retryable: true }],
    ['unheard of', { code: 'unknown_event', message: 'No handler for this event', retryable: false }],
  ])('that fails in "%s" gives an error with the id, and nothing after it', async (event, data) => {
    expect(await jo.ask({ event, data: {} })).toEqual({ event: 'error', id: 'q', data });
    expect(await jo.ask({ event: 'ping' }, 'after')).toEqual({ event: 'pong', id: 'after' });
    expect(jo.pending).toEqual([]);
  });

  it('fails without an id where there was none', async () => {
    jo.send({ event: 'broken' });
    expect(await jo.nextJson()).toMatchObject({ event: 'error', data: { code: 'internal' } });
  });

  it('echoes even what is too deep for JSON.stringify as an error', async () => {
    const depth = 20_000;
    jo.send(`{"event":"echo","id":"deep","data":${'['.repeat(depth)}${']'.repeat(depth)}}`);
    const answer = await jo.nextJson();
    expect([answer['id'], ['echo', 'error'].includes(String(answer['event']))]).toEqual(['deep', true]);
  });

  it('refuses by its guard', async () => {
    const other = await TestClient.ready(node.url('user_id=other'));
    expect(await other.ask({ event: 'guarded' })).toMatchObject({
      event: 'error',
      data: { code: 'forbidden' },
    });
    await other.close();
  });

  it('sees a connection after it joined, and its end after it left', async () => {
    const connected = once(happened, 'connected');
    const client = await TestClient.ready(node.url('user_id=seen'));
    expect(await connected).toEqual(['seen', 1]);
    const disconnected = once(happened, 'disconnected');
    await client.close();
    expect(await disconnected).toEqual(['seen', 0]);
  });

  it('that throws in its hooks closes no connection', async () => {
    const client = await TestClient.ready(node.url('user_id=unlucky'));
    expect(await client.ask({ event: 'echo', data: 1 })).toMatchObject({ data: 1 });
    const disconnected = once(happened, 'disconnected');
    await client.close();
    await disconnected;
    expect(await jo.ask({ event: 'echo', data: 1 })).toMatchObject({ data: 1 });
  });

  it('that never stops answering is stopped when its client goes', async () => {
    const client = await TestClient.ready(node.url('user_id=leaver'));
    client.send({ event: 'endless' });
    await client.next();
    const stopped = once(happened, 'endless stopped');
    await client.close();
    await stopped;
  });

  it('has paths with parameters, and plain ones win', async () => {
    const kitchen = await TestClient.connect(node.url('user_id=jo', '/rooms/kitchen%20sink'));
    expect(await kitchen.ask({ event: 'where' })).toMatchObject({
      data: { room: 'kitchen sink', userId: 'jo' },
    });
    expect(await kitchen.ask({ event: 'echo' })).toMatchObject({ data: { code: 'unknown_event' } });
    const lobby = await TestClient.connect(node.url('user_id=jo', '/rooms/lobby'));
    expect(await lobby.ask({ event: 'where' })).toMatchObject({ data: 'in the lobby' });
    expect((await TestClient.refusal(node.url('', '/rooms/kitchen'))).status).toBe(400);
    await Promise.all([kitchen.close(), lobby.close()]);
  });

  it('is no device of its user on another path', async () => {
    const room = await TestClient.connect(node.url('user_id=roomer', '/rooms/kitchen'));
    expect(await jo.ask({ user_id: 'roomer', data: 1 })).toMatchObject({ data: { delivered: 0 } });
    expect(await room.ask({ user_id: 'jo', data: 1 })).toMatchObject({ data: { delivered: 1 } });
    expect(await jo.nextJson()).toMatchObject({ event: 'message', data: { from: 'roomer' } });
    await room.close();
  });

  it('may do without authentication, and then its clients have no user', async () => {
    const client = await TestClient.connect(node.url('', '/status'));
    expect(await client.ask({ event: 'status' })).toMatchObject({ data: { userId: '' } });
    expect(await client.ask({ user_id: 'jo', data: 'spam' })).toMatchObject({ data: { code: 'forbidden' } });
    expect(await client.ask({ event: 'refresh', data: { token: 'x.y.z' } })).toMatchObject({
      data: { code: 'token_rejected' },
    });
    await client.close();
  });

  it('sends to one client by itself, in the order of the answers', async () => {
    jo.send({ event: 'push', id: 1, data: [1, null] });
    expect([await jo.next(), await jo.next()]).toEqual([
      '{"event":"pushed","data":[1,null]}',
      '{"event":"push","id":1,"data":true}',
    ]);
    jo.send({ event: 'push' });
    expect([await jo.next(), await jo.next()]).toEqual([
      '{"event":"pushed"}',
      '{"event":"push","data":true}',
    ]);
  });

  it("leaves another library's upgrades alone", async () => {
    const server = node.app.getHttpServer() as Server;
    const theirs = new PlainServer({ noServer: true });
    const listener = (request: IncomingMessage, socket: import('node:stream').Duplex, head: Buffer) => {
      if (request.url === '/theirs') theirs.handleUpgrade(request, socket, head, (ws) => ws.send('theirs'));
    };
    server.on('upgrade', listener);
    const client = await TestClient.connect(node.url('', '/theirs'));
    expect(await client.next()).toBe('theirs');
    expect(await jo.ask({ event: 'ping' })).toEqual({ event: 'pong', id: 'q' });
    await client.close();
    server.off('upgrade', listener);
    expect((await TestClient.refusal(node.url('', '/theirs'))).status).toBe(404);
  });
});

@WebSocketGateway<GatewayOptions>({ path: '/mixed', authenticate: false })
class OpenGateway {}

@WebSocketGateway<GatewayOptions>({ path: 'mixed' })
class ClosedGateway {}

@WebSocketGateway<GatewayOptions>({ authenticate: false })
class CarelessGateway {}

describe('a path', () => {
  it('asks for authentication when one of its gateways does', async () => {
    const node = await TestNode.start({ CLUSTER_BUS: 'none' }, [
      { module: class {}, providers: [OpenGateway, ClosedGateway] },
    ]);
    expect((await TestClient.refusal(node.url('', '/mixed'))).status).toBe(400);
    await node.stop();
  });

  it('of the core asks for it whatever a gateway says', async () => {
    await expect(
      TestNode.start({ CLUSTER_BUS: 'none' }, [{ module: class {}, providers: [CarelessGateway] }]),
    ).rejects.toThrow('CarelessGateway: WS_PATH is for users');
  });
});

@Injectable()
class CookieAuthenticator extends Authenticator {
  authenticate({ headers }: IncomingMessage): Identity | Rejection {
    if (headers.cookie === 'broken') throw new Error('no database');
    const userId = /^session=(\w+)$/.exec(headers.cookie ?? '')?.[1];
    return userId === undefined ? 'unauthorized' : { userId, expiresAt: null };
  }

  refresh(): Rejection {
    return 'unauthorized';
  }
}

@Injectable()
class NoNonsense extends MessagePolicy {
  allows({ userId }: Connection, { to, data }: Message): boolean | Promise<boolean> {
    if (to === 'sync') return userId !== 'eve';
    if (to === 'throws') throw new Error('no rules');
    if (to === 'rejects') return Promise.reject(new Error('no rules'));
    return new Promise((resolve) => setImmediate(() => resolve(!data.includes('nonsense'))));
  }
}

@Global()
@Module({
  providers: [
    { provide: Authenticator, useClass: CookieAuthenticator },
    { provide: MessagePolicy, useClass: NoNonsense },
  ],
  exports: [Authenticator, MessagePolicy],
})
class OwnRulesModule {}

const code = (answer: Record<string, unknown>) => (answer['data'] as { code: string }).code;

describe('a global module of a team', () => {
  let node: TestNode;

  beforeAll(async () => {
    node = await TestNode.start({ CLUSTER_BUS: 'none', AUTH_MODE: 'custom' }, [OwnRulesModule]);
  });

  afterAll(async () => {
    await node.stop();
  });

  const connect = async (user: string) =>
    TestClient.connect(node.url(''), [V1], { headers: { cookie: `session=${user}` } });

  it('replaces the authenticator', async () => {
    expect((await TestClient.refusal(node.url('user_id=1'))).status).toBe(401);
    const broken = await TestClient.refusal(node.url(''), [], { headers: { cookie: 'broken' } });
    expect([broken.status, broken.body['code']]).toEqual([503, 'authentication_unavailable']);
    const client = await connect('ann');
    expect(await client.nextJson()).toMatchObject({ data: { user_id: 'ann' } });
    await client.close();
  });

  it('replaces the policy: at once or later, in the order of the client', async () => {
    const ann = await connect('ann');
    await ann.nextJson();
    const texts = Array.from({ length: 50 }, (_, index) => (index % 5 === 0 ? 'nonsense' : `sense ${index}`));
    texts.forEach((data, id) => ann.send({ user_id: 'ann', data, id }));
    ann.send({ event: 'ping', id: 'end' });
    const answers: unknown[] = [];
    const messages: unknown[] = [];
    for (;;) {
      const frame = await ann.nextJson();
      if (frame['event'] === 'pong') break;
      if (frame['event'] === 'message') messages.push((frame['data'] as { data: unknown }).data);
      else answers.push([frame['event'], frame['id']]);
    }
    expect(messages).toEqual(texts.filter((text) => text !== 'nonsense'));
    expect(answers).toEqual(texts.map((text, id) => [text === 'nonsense' ? 'error' : 'ack', id]));
    await ann.close();
  });

  it('may refuse at once, and may fail', async () => {
    const eve = await connect('eve');
    await eve.nextJson();
    expect(code(await eve.ask({ user_id: 'sync', data: 1 }))).toBe('forbidden');
    expect(code(await eve.ask({ user_id: 'throws', data: 1 }))).toBe('internal');
    expect(code(await eve.ask({ user_id: 'rejects', data: 1 }))).toBe('internal');
    await eve.close();
  });

  it('must be there when AUTH_MODE=custom', async () => {
    await expect(TestNode.start({ CLUSTER_BUS: 'none', AUTH_MODE: 'custom' })).rejects.toThrow(
      'custom needs a global module',
    );
  });
});
