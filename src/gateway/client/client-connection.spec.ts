import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { moduleFailures } from '../../telemetry/module-failures.js';
import { CLOSES } from '../../wire/codes.js';
import { GatewayStatistics } from '../gateway-statistics.js';
import { ClientConnection } from './client-connection.js';
import { FRAME_BYTES, FrameRate } from './frame-rate.js';
import { FakeSocket } from './testing/fake-socket.js';

const PER_SECOND = 10;
const BURST = 5;

describe('a client connection at the limit of its rate', () => {
  let socket: FakeSocket;
  let connection: ClientConnection;
  let statistics: GatewayStatistics;
  let received: number;

  beforeEach(() => {
    Logger.overrideLogger(false);
    jest.useFakeTimers();
    const rate = new FrameRate({ WS_MESSAGES_PER_SECOND: PER_SECOND, WS_MESSAGES_BURST: BURST } as never);
    received = 0;
    socket = new FakeSocket();
    statistics = new GatewayStatistics();
    connection = new ClientConnection('c', 'sender', true, '127.0.0.1', {
      receiver: {
        admit: (of, payload, isBinary) => rate.admit(of, payload, isBinary),
        receive: () => (received += 1) > 0,
      },
      statistics,
      bufferLimitBytes: 1_000_000,
      inFlightMax: 100,
      left: () => undefined,
    });
    connection.open(socket, { write: () => true } as never, null);
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  const send = (frames: number) => {
    for (let sent = 0; sent < frames; sent += 1) connection.receive(Buffer.from('{}'), false);
  };

  it('is not held to it for the time in which it was not read', () => {
    send(1);
    connection.pause('congested');
    jest.advanceTimersByTime(3_000); // meanwhile it sends on as it may; TCP keeps that
    connection.resume('congested');
    send(3 * PER_SECOND + BURST - 1);
    expect(statistics.errors.rate_limited).toBe(0);
    send(1);
    expect(statistics.errors.rate_limited).toBe(1);
  });

  it('is charged for a long frame as for several', () => {
    connection.receive(Buffer.alloc(FRAME_BYTES), false);
    connection.receive(Buffer.alloc(3 * FRAME_BYTES + 1), false);
    expect(received).toBe(2);
    send(1);
    expect(statistics.errors.rate_limited).toBe(1);
  });

  it('may send a frame that is worth more than the burst when it was quiet', () => {
    connection.receive(Buffer.alloc(2 * BURST * FRAME_BYTES), false);
    expect(received).toBe(1);
    send(1);
    expect(received).toBe(1);
  });

  it('gains nothing by silence: what it may send at once is the burst', () => {
    send(1);
    jest.advanceTimersByTime(3_000);
    send(BURST + 1);
    expect(received).toBe(1 + BURST);
  });

  it('gains nothing by silence before it was kept waiting either', () => {
    send(1);
    jest.advanceTimersByTime(3_000);
    connection.pause('finishing'); // not for a frame of its own
    connection.resume('finishing');
    send(BURST + 1);
    expect(received).toBe(1 + BURST);
  });

  it('is not read again once it was closed for flooding, whatever it waited for', () => {
    connection.pause('policy');
    send(2 * BURST);
    expect(socket.closedWith).toBe(CLOSES.rate_limited.code);
    connection.resume('policy');
    expect(socket.isReading).toBe(false);
  });

  it('calls everybody back who wants to know that it has gone, though one of them throws', () => {
    const before = moduleFailures.socket;
    let called = 0;
    connection.onClosed(() => {
      throw new Error('a module');
    });
    connection.onClosed(() => called++);
    connection.closed();
    expect([called, moduleFailures.socket]).toEqual([1, before + 1]);
  });
});
