import { beforeEach, describe, expect, it } from '@jest/globals';
import { CLOSES } from '../../wire/codes.js';
import { moduleFailures } from '../../telemetry/module-failures.js';
import type { ClientConnection } from './client-connection.js';
import { ClientSocket } from './client-socket.js';
import { UNREAD } from './frame-reader.js';
import { connectionContext, connectionOf } from './testing/connection-context.js';
import { FakeSocket } from './testing/fake-socket.js';

describe('ClientSocket', () => {
  let seen: string[];
  let isFailing: boolean;
  let ws: ClientSocket;
  let socket: FakeSocket;
  let connection: ClientConnection;

  beforeEach(() => {
    seen = [];
    isFailing = false;
    const receiver = {
      admit: () => true,
      receive: (_: ClientConnection, payload: Buffer, isBinary: boolean) => {
        if (isFailing) throw new Error('a module');
        return seen.push(`${payload.toString()} ${isBinary}`) > 0;
      },
      countControl: () => void seen.push('control'),
    };
    // as ws makes the socket of an upgrade
    ws = new ClientSocket(null as never, undefined, {});
    socket = new FakeSocket();
    connection = connectionOf('u', connectionContext({ receiver, left: () => seen.push('left') }));
    connection.open(socket, { write: () => true } as never, null);
  });

  it('tells its connection what ws reports, without a listener', () => {
    ws.emit('open'); // ws reports it before the connection is attached
    ws.attach(connection, null);
    ws.emit('message', Buffer.from('text'), false);
    ws.emit('message', Buffer.from('binary'), true);
    ws.emit(UNREAD);
    ws.emit('ping', Buffer.alloc(0));
    ws.emit('pong', Buffer.alloc(0));
    ws.emit('error', new Error('the client broke the protocol'));
    ws.emit('close', 1000, Buffer.alloc(0));
    expect(seen).toEqual(['text false', 'binary true', 'control', 'control', 'left']);
    expect(ws.eventNames()).toEqual([]);
  });

  it('takes a ping for a sign of life', () => {
    ws.attach(connection, null);
    connection.ping();
    expect(connection.unansweredPings).toBe(1);
    ws.emit('pong', Buffer.alloc(0));
    expect(connection.unansweredPings).toBe(0);
  });

  it('closes the connection for whose frame a module throws', () => {
    const before = moduleFailures.connection;
    isFailing = true;
    ws.attach(connection, null);
    ws.emit('message', Buffer.from('text'), false);
    expect([socket.closedWith, moduleFailures.connection]).toEqual([CLOSES.failed.code, before + 1]);
  });
});
