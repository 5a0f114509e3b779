import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { moduleFailures } from '../../telemetry/module-failures.js';
import { CLOSES } from '../../wire/codes.js';
import { SharedFrame } from '../../wire/shared-frame.js';
import { GatewayStatistics } from '../gateway-statistics.js';
import { Backlogs, TO_CLIENTS } from './backlogs.js';
import type { ClientConnection } from './client-connection.js';
import type { FrameReceiver } from './intake.js';
import { FRAME_BYTES, FrameRate } from '../frames/frame-rate.js';
import { connectionContext, connectionOf } from './testing/connection-context.js';
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
    const receiver: FrameReceiver<ClientConnection> = {
      admit: (of, payload, isBinary) => rate.admit(of, payload, isBinary),
      receive: () => (received += 1) > 0,
      countControl: () => undefined,
    };
    connection = connectionOf('sender', connectionContext({ receiver, statistics }));
    connection.open(socket, { write: () => true } as never, null);
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  const send = (frames: number) => {
    for (let sent = 0; sent < frames; sent += 1) connection.receive(Buffer.from('{}'), false);
  };

  it('may send later what it could not send while it was not read', () => {
    send(1);
    connection.intake.pause('congested');
    jest.advanceTimersByTime(3_000); // meanwhile the client sends at its rate; TCP keeps what it sends
    connection.intake.resume('congested');
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

  it('cannot save tokens by silence: it may send the burst at once, and no more', () => {
    send(1);
    jest.advanceTimersByTime(3_000);
    send(BURST + 1);
    expect(received).toBe(1 + BURST);
  });

  it('cannot save tokens by silence before it is paused either', () => {
    send(1);
    jest.advanceTimersByTime(3_000);
    connection.intake.pause('finishing'); // no frame of the client has caused this pause
    connection.intake.resume('finishing');
    send(BURST + 1);
    expect(received).toBe(1 + BURST);
  });

  it('is not read again after it was closed for flooding, whatever it was paused for', () => {
    connection.intake.pause('policy');
    send(2 * BURST);
    expect(socket.closedWith).toBe(CLOSES.rate_limited.code);
    connection.intake.resume('policy');
    expect(socket.isReading).toBe(false);
  });

  it('calls all callbacks when it has gone, even if one of them throws', () => {
    const before = moduleFailures.connection;
    let called = 0;
    connection.onClosed(() => {
      throw new Error('a module');
    });
    connection.onClosed(() => called++);
    connection.closed();
    expect([called, moduleFailures.connection]).toEqual([1, before + 1]);
  });

  it.each([0, 1, 2, 3])('calls each of %i callbacks once when it has gone, in order', (count) => {
    const called: number[] = [];
    for (let index = 0; index < count; index += 1) connection.onClosed(() => called.push(index));
    connection.closed();
    expect(called).toEqual([0, 1, 2].slice(0, count));
  });
});

describe('a client that takes nothing', () => {
  const LIMIT = 100_000;

  /** A socket whose kernel takes nothing until it is told to. */
  class StalledSocket extends FakeSocket {
    writableLength = 0;
    readonly writableCorked = 0;
    #waiting: (() => void)[] = [];

    override get bufferedAmount(): number {
      return this.writableLength;
    }

    write(bytes: Buffer, done: () => void = () => undefined): void {
      this.writableLength += bytes.length;
      this.#waiting.push(done);
    }

    take(): void {
      this.writableLength = 0;
      for (const done of this.#waiting.splice(0)) done();
    }
  }

  function open(): [ClientConnection, StalledSocket, Backlogs<ClientConnection>] {
    const backlogs = new Backlogs<ClientConnection>(TO_CLIENTS, 10 * LIMIT);
    const socket = new StalledSocket();
    const connection = connectionOf('slow', connectionContext({ bufferLimitBytes: LIMIT, backlogs }));
    connection.open(socket, socket as never, null);
    return [connection, socket, backlogs];
  }

  it('is closed for the memory that short messages take, not for their bytes alone', () => {
    const [connection, socket] = open();
    let sent = 0;
    for (; connection.sendText('0123456789'); sent++) connection.outgoing.flush();
    expect(socket.closedWith).toBe(CLOSES.slow_client.code);
    expect(sent).toBeLessThan(LIMIT / 200);
    expect(sent).toBeGreaterThan(LIMIT / 400);
  });

  it('gets no more volatile messages when its queue is half full, and is not closed for it', () => {
    const statistics = new GatewayStatistics();
    const socket = new StalledSocket();
    const connection = connectionOf('slow', connectionContext({ bufferLimitBytes: LIMIT, statistics }));
    connection.open(socket, socket as never, null);
    const data = Buffer.alloc(LIMIT / 10, '1');
    const message = { to: 'slow', from: null, data };
    const frame = new SharedFrame([data], true);
    let taken = 0;
    while (connection.deliver({ ...message, isVolatile: true })) taken++;
    expect(taken).toBe(4);
    expect(connection.deliverFrame(frame)).toBe(false);
    expect(statistics.volatileDropped).toBe(2);
    expect(connection.deliver(message)).toBe(true);
    expect(socket.closedWith).toBeNull();
    connection.outgoing.flush();
    socket.take();
    expect(connection.deliverFrame(frame)).toBe(true);
  });

  it('has no backlog when it has taken everything', () => {
    const [connection, socket, backlogs] = open();
    for (let sent = 0; sent < 10; sent++) {
      connection.sendText('0123456789');
      connection.outgoing.flush();
    }
    expect(connection.backlogBytes).toBeGreaterThan(socket.writableLength);
    expect(backlogs.bytes).toBe(connection.backlogBytes);
    socket.take();
    expect(connection.backlogBytes).toBe(0);
    expect(backlogs.bytes).toBe(0);
  });

  it('counts in the sum of all backlogs until it has gone, also while it is being closed', () => {
    const [connection, , backlogs] = open();
    connection.sendText('x'.repeat(1000));
    connection.close();
    expect(backlogs.bytes).toBeGreaterThan(1000);
    connection.closed();
    expect(backlogs.bytes).toBe(0);
  });

  it('has a backlog before its upgrade is answered too, until it is discarded', () => {
    const backlogs = new Backlogs<ClientConnection>(TO_CLIENTS, LIMIT);
    const held = connectionOf('slow', connectionContext({ bufferLimitBytes: LIMIT, backlogs }));
    held.sendText('x'.repeat(1000));
    expect(backlogs.bytes).toBeGreaterThan(1000);
    held.discard();
    expect(backlogs.bytes).toBe(0);
  });
});
