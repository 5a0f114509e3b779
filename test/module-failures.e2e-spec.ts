import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Global, Injectable, Module, Scope, type ModuleMetadata } from '@nestjs/common';
import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { EventEmitter, once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { interval, map, Observable } from 'rxjs';
import type { Connection } from '../src/connections/connection.js';
import { Authenticator } from '../src/authentication/authenticator.js';
import { MessagePolicy } from '../src/messaging/message-policy.js';
import { CLOSES } from '../src/wire/codes.js';
import type { Message } from '../src/wire/message.js';
import { GatewayStatistics } from '../src/gateway/gateway-statistics.js';
import { LogRecorder } from './support/log-recorder.js';
import { EVENTS_OF_ROOMS } from '../src/wire/core-events.js';
import { TestClient, V1 } from '../src/testing/test-client.js';
import { TestNode } from './support/node.js';
import { until } from './support/until.js';

const KIB = 1024;
const BUFFER_LIMIT_BYTES = 256 * KIB;

const happened = new EventEmitter();

@WebSocketGateway()
class CarelessGateway {
  @SubscribeMessage('close')
  close(@ConnectedSocket() connection: Connection, @MessageBody() args: [number, string]): void {
    connection.close(...args);
  }

  /** Everything in one turn: the client can't read meanwhile. */
  @SubscribeMessage('flood')
  flood(@ConnectedSocket() connection: Connection): number {
    let sent = 0;
    while (sent < KIB && connection.send('flood', 'x'.repeat(64 * KIB))) sent++;
    happened.emit('flooded', sent);
    return sent;
  }

  @SubscribeMessage('nonsense')
  nonsense(@ConnectedSocket() connection: Connection, @MessageBody() which: string): boolean {
    const [event, data] = nonsense[which] as [string, unknown];
    return connection.send(event, data);
  }
}

/** What can't be sent to a client. */
const nonsense: Record<string, [unknown, unknown?]> = {
  'an event without a name': ['', 1],
  'an event that is a number': [5, 1],
  "the core's event": ['message', { from: 'admin', data: 'forged' }],
  'a function': ['named', () => 1],
  'a BigInt': ['named', 1n],
  'what is too large': ['named', 'x'.repeat(BUFFER_LIMIT_BYTES)],
};

@Module({ providers: [CarelessGateway] })
class CarelessModule {}

describe('what a module does wrong with a connection', () => {
  let node: TestNode;
  let log: LogRecorder;
  let bystander: TestClient;

  beforeAll(async () => {
    log = new LogRecorder();
    const env = {
      CLUSTER_BUS: 'none',
      WS_BUFFER_LIMIT_BYTES: String(BUFFER_LIMIT_BYTES),
    };
    node = await TestNode.start(env, [CarelessModule], log);
    bystander = await TestClient.ready(node.url('user_id=bystander'));
  });

  afterAll(async () => {
    await bystander.close();
    await node.stop();
  });

  const connect = async () => TestClient.ready(node.url('user_id=client'));

  it.each([
    ['nothing', [], CLOSES.kicked],
    ['a code of its own', [4600, 'banned'], { code: 4600, reason: 'banned' }],
    ['the last code after which clients come back', [4499], { code: 4499, reason: '' }],
  ])('is not: a close with %s', async (_, args, close) => {
    const before = node.app.get(GatewayStatistics).closes.kicked;
    const client = await connect();
    client.send({ event: 'close', data: args });
    expect(await client.closed).toMatchObject(close);
    expect(log.text).not.toContain("A module's close of a client");
    await until(() => node.app.get(GatewayStatistics).closes.kicked === before + 1);
  });

  it.each([
    ['a code that is none', [1005, 'x'], CLOSES.failed],
    ["the core's code", [4000, 'x'], CLOSES.failed],
    ["the core's code for those who should not come back", [4500, 'x'], CLOSES.failed],
    ['a code that is no number', ['4100', 'x'], CLOSES.failed],
    ['a reason that is too long', [4100, 'x'.repeat(124)], { code: 4100, reason: '' }],
  ])('closes it all the same, and says so: a close with %s', async (_, args, close) => {
    const client = await connect();
    client.send({ event: 'close', data: args });
    expect(await client.closed).toMatchObject({ code: close.code, reason: close.reason });
    expect(log.text).toContain("A module's close of a client");
    expect(await bystander.ask({ user_id: 'client', data: 1 })).toMatchObject({ data: { delivered: 0 } });
  });

  it('is held to the limit of its queue', async () => {
    const { closes } = node.app.get(GatewayStatistics);
    const before = closes.slow_client;
    const flooded = once(happened, 'flooded');
    const client = await connect();
    client.send({ event: 'flood' });
    expect(await flooded).toEqual([3]);
    await client.closed;
    await until(() => closes.slow_client === before + 1);
  });

  it.each(Object.keys(nonsense))('sends nothing, and says so: %s', async (which) => {
    const client = await connect();
    expect(await client.ask({ event: 'nonsense', data: which })).toMatchObject({ data: false });
    expect(client.pending).toEqual([]);
    expect(log.text).toContain("A module's send to a client failed: ");
    await client.close();
  });

  it('names where it was called', () => {
    expect(log.text).toMatch(/at CarelessGateway.*module-failures[.]e2e-spec/);
  });
});

const STREAMS_MAX = 3;
const IN_FLIGHT_MAX = 4;

@WebSocketGateway()
class StreamGateway {
  @SubscribeMessage('prices')
  prices(): Observable<unknown> {
    return interval(5).pipe(map((price) => ({ event: 'price', data: price })));
  }

  @SubscribeMessage('echo')
  echo(@MessageBody() body: unknown): unknown {
    return body;
  }

  @SubscribeMessage('for ever')
  forEver(): Observable<unknown> {
    return new Observable((subscriber) => {
      subscriber.next(1);
      return () => {
        throw new Error('a stream that does not want to end');
      };
    });
  }

  handleDisconnect(): void {
    happened.emit('gone');
  }
}

describe('streams of responses that go on', () => {
  it('leave the client served as before, up to WS_MAX_STREAMS', async () => {
    const env = { WS_MAX_STREAMS: String(STREAMS_MAX), WS_MAX_IN_FLIGHT: String(IN_FLIGHT_MAX) };
    const node = await TestNode.start({ CLUSTER_BUS: 'none', ...env }, [
      { module: class {}, providers: [StreamGateway] },
    ]);
    const client = await TestClient.ready(node.url('user_id=1'));
    for (let id = 0; id < STREAMS_MAX; id++) {
      expect(await client.ask({ event: 'prices' }, id)).toMatchObject({ event: 'price' });
    }
    const ended = 'one too many';
    client.send({ event: 'prices', id: ended });
    for (let frame = await client.nextJson(); frame['event'] !== 'error'; frame = await client.nextJson()) {
      expect(frame['event']).toBe('price');
    }
    for (let id = 0; id < 2 * IN_FLIGHT_MAX; id++) {
      expect(await client.ask({ event: 'echo', data: id }, `echo ${id}`)).toMatchObject({ data: id });
    }
    const stopping = node.stop();
    // not at the end of the grace: nobody waits for streams
    expect(await client.closed).toEqual(CLOSES.draining);
    await stopping;
  });
});

describe('streams that throw when they are stopped', () => {
  it('close no connection, and are named in the log', async () => {
    const log = new LogRecorder();
    const module = { module: class {}, providers: [StreamGateway] };
    const node = await TestNode.start({ CLUSTER_BUS: 'none', WS_MAX_STREAMS: '1' }, [module], log);
    const client = await TestClient.ready(node.url('user_id=1'));
    expect(await client.ask({ event: 'for ever' })).toMatchObject({ event: 'for ever' });
    client.send({ event: 'for ever', id: 'one too many' });
    expect(await client.nextJson()).toMatchObject({ event: 'for ever' });
    expect(await client.nextJson()).toMatchObject({ data: { code: 'too_many_streams' } });
    expect(await client.ask({ event: 'ping' })).toMatchObject({ event: 'pong' });
    const gone = once(happened, 'gone'); // later than the streams are stopped
    await client.close();
    await gone;
    expect(log.text.match(/StreamGateway.forEver, event "for ever" failed/g)).toHaveLength(2);
    await node.stop();
  });
});

const circular: Record<string, unknown> = {};
circular['self'] = circular;

/** What handlers return that can't be framed, by event. */
const badResponses: Record<string, unknown> = {
  circular,
  bigint: { n: 1n },
  function: () => 1,
  symbol: Symbol('s'),
  'undefined from toJSON': { toJSON: () => undefined },
  'toJSON that throws': {
    toJSON: () => {
      throw new Error('no');
    },
  },
  'data that is a function': { event: 'named', data: () => 1 },
  'too large': 'x'.repeat(BUFFER_LIMIT_BYTES),
  'an event that is a number': { event: 5, data: 1 },
  'an event without a name': { event: '', data: 1 },
  "the core's event": { event: 'message', data: { from: 'admin', data: 'forged' } },
  'an error of the core': { event: 'error', data: {} },
};

@WebSocketGateway()
class ResponseGateway {
  @SubscribeMessage('bad')
  bad(@MessageBody() which: string): unknown {
    return badResponses[which];
  }

  @SubscribeMessage('entry')
  entry(): unknown {
    return { event: 5, title: 'a member that happens to be named event' };
  }
}

@WebSocketGateway({ path: '/own' })
class OwnPathGateway {
  @SubscribeMessage('message')
  message(): unknown {
    return { event: 'ready', data: 1 };
  }
}

describe('what a handler returns', () => {
  let node: TestNode;
  let log: LogRecorder;
  let client: TestClient;

  beforeAll(async () => {
    log = new LogRecorder();
    const env = { CLUSTER_BUS: 'none', WS_BUFFER_LIMIT_BYTES: String(BUFFER_LIMIT_BYTES) };
    const module = { module: class {}, providers: [ResponseGateway, OwnPathGateway] };
    node = await TestNode.start(env, [module], log);
    client = await TestClient.ready(node.url('user_id=1'));
  });

  afterAll(async () => {
    await client.close();
    await node.stop();
  });

  it.each(Object.keys(badResponses))('costs the request when it is %s', async (which) => {
    expect(await client.ask({ event: 'bad', data: which })).toMatchObject({
      event: 'error',
      data: { code: 'internal' },
    });
    expect(await client.ask({ event: 'ping' })).toMatchObject({ event: 'pong' });
    expect(client.pending).toEqual([]);
  });

  it('is named in the log by class and event', () => {
    expect(log.text).toContain('ResponseGateway.bad, event "bad" failed: TypeError');
  });

  it('may have a member named event', async () => {
    expect(await client.ask({ event: 'entry' })).toMatchObject({
      event: 'entry',
      data: { event: 5, title: 'a member that happens to be named event' },
    });
  });

  it("may use the core's names on a path of its own", async () => {
    const own = await TestClient.connect(node.url('user_id=1', '/own'));
    expect(await own.ask({ event: 'message' })).toMatchObject({ event: 'ready', data: 1 });
    await own.close();
  });
});

@Injectable({ scope: Scope.REQUEST })
class Tenant {
  constructor() {
    if (isTenantMissing) throw new Error('no such tenant');
  }
}
let isTenantMissing = false;

@WebSocketGateway()
class TenantGateway {
  constructor(readonly tenant: Tenant) {}

  async handleConnection(): Promise<void> {
    throw new Error('not welcome');
  }

  async handleDisconnect(): Promise<void> {
    happened.emit('leaving');
    await once(happened, 'stored');
    happened.emit('left');
    throw new Error('no good-bye');
  }

  @SubscribeMessage('hello')
  hello(): string {
    return 'hello';
  }
}

@WebSocketGateway()
class HooklessGateway {
  constructor(readonly tenant: Tenant) {}

  @SubscribeMessage('hi')
  hi(): string {
    return 'hi';
  }
}

describe('a request-scoped gateway', () => {
  let node: TestNode;
  let log: LogRecorder;

  beforeAll(async () => {
    log = new LogRecorder();
    const module = { module: class {}, providers: [Tenant, TenantGateway, HooklessGateway] };
    node = await TestNode.start({ CLUSTER_BUS: 'none' }, [module], log);
  });

  it('serves its clients though its hooks reject, and is named in the log', async () => {
    const client = await TestClient.ready(node.url('user_id=1'));
    expect(await client.ask({ event: 'hello' })).toMatchObject({ data: 'hello' });
    expect(await client.ask({ event: 'hi' })).toMatchObject({ data: 'hi' });
    expect(log.text).toContain('TenantGateway.handleConnection failed: Error: "not welcome"');
    const leaving = once(happened, 'leaving');
    await client.close();
    await leaving;
    const left = once(happened, 'left');
    happened.emit('stored');
    await left;
  });

  it('that cannot be made costs its requests, with hooks or without', async () => {
    isTenantMissing = true;
    const client = await TestClient.ready(node.url('user_id=1'));
    expect(await client.ask({ event: 'hello' })).toMatchObject({ data: { code: 'internal' } });
    expect(await client.ask({ event: 'hi' })).toMatchObject({ data: { code: 'internal' } });
    expect(log.text).toContain('HooklessGateway for a client failed: Error: "no such tenant"');
    await client.close();
    isTenantMissing = false;
  });

  it('is waited for when the node drains', async () => {
    const client = await TestClient.ready(node.url('user_id=1'));
    const leaving = once(happened, 'leaving');
    const order: string[] = [];
    const stopping = node.stop().then(() => order.push('stopped'));
    await client.closed;
    await leaving;
    happened.once('left', () => order.push('left'));
    happened.emit('stored');
    await stopping;
    expect(order).toEqual(['left', 'stopped']);
  });
});

class BrokenInit {
  afterInit(): void {
    throw new Error('no broker');
  }
}

class RejectingInit {
  async afterInit(): Promise<void> {
    throw new Error('no broker');
  }
}

class TakesPing {
  @SubscribeMessage('ping')
  pong(): void {}
}

class TakesMessages {
  @SubscribeMessage('message')
  message(): void {}
}

describe('a start', () => {
  const start = async (gateway: new () => object, path?: string) => {
    WebSocketGateway(path === undefined ? {} : { path })(gateway);
    const module: ModuleMetadata = { providers: [gateway as never] };
    const node = await TestNode.start({ CLUSTER_BUS: 'none' }, [{ module: class {}, ...module }]);
    await node.stop();
  };

  it.each([BrokenInit, RejectingInit])('fails when %p does', async (gateway) => {
    await expect(start(gateway)).rejects.toThrow(`${gateway.name}.afterInit failed: Error: no broker`);
  });

  it("fails when a gateway subscribes to the core's event, and names both", async () => {
    await expect(start(TakesPing)).rejects.toThrow('TakesPing.pong: the event "ping" is the core\'s own');
    await expect(start(TakesPing, '/own')).rejects.toThrow('TakesPing.pong: the event "ping"');
    await expect(start(TakesMessages)).rejects.toThrow('TakesMessages.message: the event "message"');
    await start(TakesMessages, '/own');
  });

  it.each([...EVENTS_OF_ROOMS, 'presence'])(
    "fails when a gateway on the core's path subscribes to %s",
    async (event) => {
      class Early {
        handle(): void {}
      }
      const handle = Object.getOwnPropertyDescriptor(Early.prototype, 'handle') as PropertyDescriptor;
      SubscribeMessage(event)(Early.prototype, 'handle', handle);
      await expect(start(Early)).rejects.toThrow(`Early.handle: the event "${event}" is the core's own`);
    },
  );
});

const verdicts: Record<string, unknown> = {
  nothing: undefined,
  'a rejection of its own': 'go away',
  'a number for a user': { userId: 5, expiresAt: null },
  'NaN for an end': { userId: 'u', expiresAt: Number.NaN },
  'a date for an end': { userId: 'u', expiresAt: new Date() },
  'a text for an end': { userId: 'u', expiresAt: '2030-01-01' },
};

class OddAuthenticator extends Authenticator {
  authenticate({ headers: { cookie = '' } }: IncomingMessage): never {
    if (cookie === 'good') return { userId: 'u', expiresAt: null } as never;
    if (cookie === 'never') return new Promise(() => undefined) as never;
    const [how = '', which = ''] = decodeURIComponent(cookie).split(': ');
    return (how === 'later' ? Promise.resolve(verdicts[which]) : verdicts[which]) as never;
  }

  refresh(which: string): never {
    return verdicts[which] as never;
  }
}

const answers: Record<string, unknown> = {
  yes: 'yes',
  nothing: undefined,
  'yes, later': Promise.resolve('yes'),
  'nothing, later': Promise.resolve(undefined),
  1: 1,
};

class OddPolicy extends MessagePolicy {
  allows(_: unknown, { data }: Message): never {
    return answers[JSON.parse(data.toString()) as string] as never;
  }
}

@Global()
@Module({
  providers: [
    { provide: Authenticator, useClass: OddAuthenticator },
    { provide: MessagePolicy, useClass: OddPolicy },
  ],
  exports: [Authenticator, MessagePolicy],
})
class OddRulesModule {}

describe("a team's own rules that give an answer of the wrong kind", () => {
  let node: TestNode;
  let log: LogRecorder;

  beforeAll(async () => {
    log = new LogRecorder();
    const env = { CLUSTER_BUS: 'none', AUTH_MODE: 'custom', WS_HANDSHAKE_TIMEOUT_MS: '500' };
    node = await TestNode.start(env, [OddRulesModule], log);
  });

  afterAll(async () => {
    await node.stop();
  });

  const withCookie = (cookie: string) => ({ headers: { cookie: encodeURIComponent(cookie) } });

  it('let nobody in when they never answer', async () => {
    expect((await TestClient.refusal(node.url(''), [V1], withCookie('never'))).status).toBe(503);
    // the first one: what fails again and again is logged within a budget
    expect(log.text).toContain('OddAuthenticator.authenticate failed: Error: "no answer within 500 ms"');
  });

  it.each(
    Object.keys(verdicts).flatMap((which) => [
      ['at once', which],
      ['later', which],
    ]),
  )('let nobody in: %s, %s', async (how, which) => {
    const refusal = await TestClient.refusal(node.url(''), [V1], withCookie(`${how}: ${which}`));
    expect([refusal.status, refusal.body['code']]).toEqual([503, 'authentication_unavailable']);
  });

  it('keep the old token in force, and allow no message', async () => {
    const client = await TestClient.connect(node.url(''), [V1], withCookie('good'));
    for (const token of Object.keys(verdicts)) {
      expect(await client.ask({ event: 'refresh', data: { token } })).toMatchObject({
        data: { code: 'authentication_unavailable' },
      });
    }
    for (const data of Object.keys(answers)) {
      expect(await client.ask({ user_id: 'u', data })).toMatchObject({ data: { code: 'internal' } });
    }
    expect(await client.ask({ event: 'ping' })).toMatchObject({ event: 'pong' });
    await client.close();
  });

  it('are named in the log', () => {
    expect(log.text).toContain('OddAuthenticator.authenticate failed: TypeError');
    expect(log.text).toContain('OddAuthenticator.refresh failed: TypeError');
    expect(log.text).toContain('OddPolicy.allows failed: TypeError: "the answer is not a boolean"');
  });
});
