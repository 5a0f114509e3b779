import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { moduleFailures } from '../../telemetry/module-failures.js';
import type { ClientConnection } from '../client/client-connection.js';
import { connectionContext, connectionOf } from '../client/testing/connection-context.js';
import { FakeSocket } from '../client/testing/fake-socket.js';
import { GatewayStatistics } from '../gateway-statistics.js';
import { FrameRequest } from './frame-request.js';
import { Requests } from './requests.js';

const IN_FLIGHT_MAX = 3;
const STREAMS_MAX = 2;
/** Of a request's data. */
const BYTES = 1000;

/** Lets microtasks run. */
const turn = async () => Promise.resolve();

describe('the requests of a client', () => {
  let socket: FakeSocket;
  let connection: ClientConnection;
  let statistics: GatewayStatistics;
  let requests: Requests;

  beforeEach(() => {
    Logger.overrideLogger(false);
    jest.useFakeTimers({ doNotFake: ['queueMicrotask', 'setImmediate'] });
    socket = new FakeSocket();
    statistics = new GatewayStatistics();
    connection = connectionOf('user', connectionContext({ statistics, inFlightMax: IN_FLIGHT_MAX }));
    connection.open(socket, { write: () => true } as never, null);
    requests = new Requests(connection, STREAMS_MAX);
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  const begin = () => requests.begin(new FrameRequest(connection, 'event', '1'), 'Gateway.handler', 1, BYTES);
  const beginAll = (count: number) => Array.from({ length: count }, begin);

  it('that are not answered stop its reading at the limit, until one is', () => {
    const [first] = beginAll(IN_FLIGHT_MAX);
    expect(socket.isReading).toBe(false);
    first?.handlerEnded();
    expect(socket.isReading).toBe(true);
  });

  it('count with their bytes as not handled until they are answered', async () => {
    const [first, second] = beginAll(2);
    expect(connection.unhandledBytes).toBe(2 * BYTES);
    first?.handlerEnded();
    second?.responded();
    await turn();
    expect(connection.unhandledBytes).toBe(0);
  });

  it('that go on after their first response do not', async () => {
    beginAll(STREAMS_MAX).forEach((request) => request.responded());
    await turn();
    beginAll(IN_FLIGHT_MAX - 1);
    expect(socket.isReading).toBe(true);
    expect(statistics.errors.too_many_streams).toBe(0);
  });

  it('may go on up to a limit: the next one is stopped with an error, and costs no place', async () => {
    const all = beginAll(STREAMS_MAX);
    const stopped = begin();
    for (const request of [...all, stopped]) request.responded();
    stopped.work.add(() => stopped.handlerEnded());
    await turn();
    expect(stopped.work.closed).toBe(true);
    expect(all.map(({ work }) => work.closed)).toEqual([false, false]);
    expect(statistics.errors.too_many_streams).toBe(1);
    all[0]?.handlerEnded();
    const next = begin();
    next.responded();
    await turn();
    expect(statistics.errors.too_many_streams).toBe(1);
    beginAll(IN_FLIGHT_MAX - 1);
    expect(socket.isReading).toBe(true);
  });

  it('that end with their first response are no streams, however many', async () => {
    beginAll(STREAMS_MAX).forEach((request) => request.responded());
    await turn();
    for (let round = 0; round < 10; round++) {
      const request = begin();
      request.responded();
      request.handlerEnded();
      await turn();
    }
    expect(statistics.errors.too_many_streams).toBe(0);
  });

  it('that are never answered pause the client for a minute, not for ever', async () => {
    const before = moduleFailures.handler;
    const hanging = beginAll(IN_FLIGHT_MAX);
    jest.advanceTimersByTime(59_000);
    expect(socket.isReading).toBe(false);
    for (const request of hanging) request.work.add(() => request.handlerEnded());
    jest.advanceTimersByTime(1_000);
    await turn();
    expect(socket.isReading).toBe(true);
    expect(moduleFailures.handler).toBe(before + IN_FLIGHT_MAX);
    expect(statistics.errors.too_many_streams).toBe(IN_FLIGHT_MAX - STREAMS_MAX);
  });

  it('are all stopped when the client goes', async () => {
    const [stream, hanging] = [begin(), begin()];
    stream.responded();
    await turn();
    requests.stop();
    expect([stream.work.closed, hanging.work.closed]).toEqual([true, true]);
  });

  it('are all stopped, even if one of them throws when it is stopped', async () => {
    const before = moduleFailures.handler;
    const all = beginAll(STREAMS_MAX + 1);
    for (const request of all) {
      request.work.add(() => request.handlerEnded());
      request.work.add(() => {
        throw new Error('a stream that does not want to end');
      });
      request.responded();
    }
    await turn(); // one too many
    requests.stop();
    expect(all.map(({ work }) => work.closed)).toEqual([true, true, true]);
    expect(moduleFailures.handler).toBe(before + all.length);
  });
});
