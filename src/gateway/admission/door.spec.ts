import { beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { Subject } from 'rxjs';
import type { WebSocket, WebSocketServer } from 'ws';
import { authenticationVariables } from '../../authentication/authentication.config.js';
import { Authentication } from '../../authentication/authentication.js';
import type { Environment } from '../../config/variables.js';
import { ConnectionRegistry } from '../../connections/connection-registry.js';
import type { Arrival } from '../client/arrival.js';
import type { ClientConnection } from '../client/client-connection.js';
import { connectionContext, connectionOf } from '../client/testing/connection-context.js';
import { gatewayVariables } from '../gateway.config.js';
import { GatewayStatistics } from '../gateway-statistics.js';
import { Capacity } from '../limits/capacity.js';
import type { Clients } from './clients.js';
import { Door } from './door.js';
import type { Entrance } from './entrances.js';
import { Handshake } from './handshake.js';
import type { Visitors } from './visitors.js';

/** A socket that keeps what is written to it. */
class WrittenSocket extends Duplex {
  written = '';

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.written += chunk.toString('latin1');
    done();
  }

  get status(): number {
    return Number(/^HTTP\/1\.1 (\d+)/.exec(this.written)?.[1]);
  }
}

/** Holds clients until the test says that the cluster reaches them, or lets them through. */
class HoldingClients {
  readonly gone$ = new Subject<ClientConnection>();
  readonly discarded: ClientConnection[] = [];
  readonly opened: ClientConnection[] = [];
  isReachable: Promise<void> = Promise.resolve();

  constructor(private readonly connections: ConnectionRegistry) {}

  async hold(arrival: Arrival): Promise<ClientConnection> {
    const connection = connectionOf(arrival.identity.userId, connectionContext(), arrival);
    this.connections.add(connection);
    await this.isReachable;
    return connection;
  }

  discard(connection: ClientConnection): void {
    this.connections.remove(connection);
    this.discarded.push(connection);
  }

  open(connection: ClientConnection): void {
    this.opened.push(connection);
  }
}

/** The part of ws' server that the door uses. */
class UpgradingServer {
  willUpgrade = true;
  onConnection: (connection: ClientConnection) => void = () => undefined;

  handleUpgrade(_request: unknown, socket: Duplex, _head: unknown, opened: (ws: WebSocket) => void): void {
    if (!this.willUpgrade) {
      socket.destroy();
      return;
    }
    socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n');
    opened({} as WebSocket);
  }

  emit(_event: 'connection', connection: ClientConnection): void {
    this.onConnection(connection);
  }
}

const HEADERS: Environment = {
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'sec-websocket-protocol': 'lanfare.v1.json',
};

describe('the door', () => {
  let connections: ConnectionRegistry;
  let clients: HoldingClients;
  let server: UpgradingServer;
  let statistics: GatewayStatistics;
  let becameClients: unknown[];
  let door: Door;
  let entrance: Entrance;

  function make(env: Environment = {}): void {
    const config = gatewayVariables.parse(env);
    connections = new ConnectionRegistry();
    clients = new HoldingClients(connections);
    server = new UpgradingServer();
    statistics = new GatewayStatistics();
    becameClients = [];
    const authentication = new Authentication(authenticationVariables.parse({ AUTH_MODE: 'insecure' }));
    const visitors = {
      addressOf: () => '192.0.2.1',
      becomesClient: (socket: unknown) => becameClients.push(socket),
    };
    door = new Door(
      new Handshake(authentication, config),
      new Capacity(connections, config),
      visitors as unknown as Visitors,
      clients as unknown as Clients,
      statistics,
    );
    entrance = {
      path: '/chat',
      server: server as unknown as WebSocketServer,
      isMain: true,
      isAnonymous: false,
      params: {},
    };
  }

  async function knock(query = '?user_id=ann', headers: Environment = {}): Promise<WrittenSocket> {
    const socket = new WrittenSocket();
    const request = { url: `/chat${query}`, headers: { ...HEADERS, ...headers } };
    await door.admit(
      request as unknown as IncomingMessage,
      socket as unknown as Socket,
      Buffer.alloc(0),
      entrance,
    );
    await new Promise(setImmediate);
    return socket;
  }

  beforeEach(() => {
    Logger.overrideLogger(false);
    make();
  });

  it('lets a client in, and the client is no visitor any more', async () => {
    const socket = await knock();
    expect(socket.status).toBe(101);
    expect(clients.opened.map(({ userId }) => userId)).toEqual(['ann']);
    expect(becameClients).toEqual([socket]);
    expect(statistics.handshakes.accepted).toBe(1);
  });

  it('refuses for the first reason of the contract, and counts each', async () => {
    make({ WS_MAX_CONNECTIONS: '1' });
    const occupant = await knock('?user_id=occupant');
    door.stopAdmitting();
    const old = { 'sec-websocket-version': '8' };
    expect((await knock('', old)).status).toBe(426);
    expect((await knock('')).written).toContain('"code":"draining"');
    expect(occupant.status).toBe(101);

    make({ WS_MAX_CONNECTIONS: '1' });
    await knock('?user_id=occupant');
    expect((await knock('')).written).toContain('"code":"full"');

    make({ WS_MAX_CONNECTIONS_PER_IP: '1' });
    await knock('?user_id=occupant');
    expect((await knock('')).written).toContain('"code":"too_many_from_address"');

    make();
    expect((await knock('')).written).toContain('"code":"bad_user_id"');
    expect(statistics.handshakes).toMatchObject({ bad_user_id: 1, accepted: 0 });
  });

  it.each<[string, string, Environment]>([
    ['a bad id', '', {}],
    ['a bad handshake', '?user_id=ann', { 'sec-websocket-key': 'short' }],
    ['a bad subprotocol', '?user_id=ann', { 'sec-websocket-protocol': 'other' }],
  ])('gives the place back of who is refused for %s', async (_, query, headers) => {
    make({ WS_MAX_CONNECTIONS: '1' });
    expect((await knock(query, headers)).status).toBe(400);
    expect((await knock()).status).toBe(101);
  });

  it('keeps the place of a client until its socket has closed', async () => {
    make({ WS_MAX_CONNECTIONS: '1' });
    await knock();
    expect((await knock('?user_id=bob')).status).toBe(503);
    clients.gone$.next(clients.opened[0] as ClientConnection);
    expect((await knock('?user_id=bob')).status).toBe(101);
  });

  it('lets a user have as many devices as the limit says, held ones included', async () => {
    make({ WS_MAX_CONNECTIONS_PER_USER: '1', WS_MAX_CONNECTIONS: '2' });
    clients.isReachable = new Promise(() => undefined);
    void knock();
    await new Promise(setImmediate);
    expect((await knock()).written).toContain('"code":"too_many_for_user"');
    clients.isReachable = Promise.resolve();
    expect((await knock('?user_id=bob')).status).toBe(101);
  });

  it('refuses clients that are still held when the node begins to drain', async () => {
    let reach = (): void => undefined;
    clients.isReachable = new Promise((resolve) => (reach = resolve));
    const held = knock();
    await new Promise(setImmediate);
    door.stopAdmitting();
    reach();
    expect((await held).written).toContain('"code":"draining"');
    expect(clients.discarded).toHaveLength(1);
    expect(connections.size).toBe(0);
  });

  it('clears up after a client that has gone while it was held', async () => {
    make({ WS_MAX_CONNECTIONS: '1' });
    server.willUpgrade = false;
    await knock();
    expect(clients.discarded).toHaveLength(1);
    expect(statistics.handshakes.accepted).toBe(0);
    server.willUpgrade = true;
    expect((await knock()).status).toBe(101);
  });

  it('closes the client, and no other, when a gateway fails to take it', async () => {
    server.onConnection = () => {
      throw new Error('a gateway of a module');
    };
    await knock();
    expect(clients.opened.map(({ isClosing }) => isClosing)).toEqual([true]);
    server.onConnection = () => undefined;
    await knock('?user_id=bob');
    expect(clients.opened.map(({ isClosing }) => isClosing)).toEqual([true, false]);
  });

  it('refuses a client by a close if it asks for that, and keeps the place until the socket has closed', async () => {
    make({ WS_MAX_CONNECTIONS: '1' });
    const asks = { 'sec-websocket-protocol': 'lanfare.v1.json, lanfare.refusals' };
    const refused = await knock('', asks);
    expect(refused.status).toBe(101);
    expect(refused.written).toMatch(/Sec-WebSocket-Protocol: lanfare\.v1\.json\r\n/);
    expect(refused.written).not.toContain('lanfare.refusals');
    // RFC 6455 5.5.1: a close frame of 2 + 11 bytes, 4510
    expect(refused.written.slice(-15)).toBe('\x88\x0d\x11\x9ebad_user_id');
    expect((await knock()).written).toContain('"code":"full"');
    refused.destroy();
    await new Promise(setImmediate);
    expect((await knock()).status).toBe(101);
  });
});
