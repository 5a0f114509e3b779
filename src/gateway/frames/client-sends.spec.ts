import { beforeEach, describe, expect, it } from '@jest/globals';
import { BehaviorSubject } from 'rxjs';
import type { BusRefusal } from '../../cluster/bus/bus.js';
import { MemoryBus, MemoryNetwork } from '../../cluster/bus/memory-bus.js';
import { Cluster } from '../../cluster/cluster.js';
import { ConnectionRegistry } from '../../connections/connection-registry.js';
import { Messaging } from '../../messaging/messaging.js';
import type { Message } from '../../wire/message.js';
import { readFrame, type SendFrame } from '../../wire/incoming-frame.js';
import type { ClientConnection } from '../client/client-connection.js';
import type { FrameReceiver } from '../client/intake.js';
import { ClientSends } from './client-sends.js';
import { Congestion } from './congestion.js';
import { GatewayStatistics } from '../gateway-statistics.js';
import { connectionContext, connectionOf } from '../client/testing/connection-context.js';
import { FakeSocket } from '../client/testing/fake-socket.js';

/** A bus whose queue takes `room` messages. The last of them congests the bus within the call, as on the real bus. */
class FullBus extends MemoryBus {
  override readonly congested$ = new BehaviorSubject(false);
  readonly sent: string[] = [];
  room = 0;

  override send(message: Message): BusRefusal | null {
    if (this.room === 0) return 'congested';
    this.sent.push(message.data.toString());
    if (--this.room === 0) this.congested$.next(true);
    return null;
  }
}

describe('ClientSends, when the queues towards other nodes fill up', () => {
  let bus: FullBus;
  let sends: ClientSends;
  let socket: FakeSocket;
  let connection: ClientConnection;
  let statistics: GatewayStatistics;
  let written: string;

  beforeEach(() => {
    bus = new FullBus('n', new MemoryNetwork());
    const cluster = new Cluster(bus);
    const congestion = new Congestion(cluster);
    congestion.onModuleInit();
    sends = new ClientSends(new Messaging(new ConnectionRegistry(), cluster), congestion);
    statistics = new GatewayStatistics();
    written = '';
    socket = new FakeSocket();
    connection = open(socket);
  });

  const open = (of: FakeSocket): ClientConnection => {
    const receiver: FrameReceiver<ClientConnection> = {
      admit: () => true,
      receive: (from, payload) => sends.handle(from, readFrame(payload) as SendFrame),
    };
    const opened = connectionOf('sender', connectionContext({ receiver, statistics }), {
      isEnveloped: false,
    });
    const sink = { write: (bytes: Buffer) => (written += bytes.toString()) };
    opened.open(of, sink as never, null);
    return opened;
  };

  const send = (number: number, more = '', from = connection) =>
    from.receive(Buffer.from(`{"user_id":"x","data":${number}${more}}`), false);

  it('stops reading from the sender, and keeps what was read already, in order', () => {
    bus.room = 2;
    for (const number of [1, 2, 3, 4, 5]) send(number);
    expect(bus.sent).toEqual(['1', '2']);
    expect(socket.isReading).toBe(false);
    bus.room = 100;
    bus.congested$.next(false);
    expect(bus.sent).toEqual(['1', '2', '3', '4', '5']);
    expect(socket.isReading).toBe(true);
  });

  it('handles a refused frame again later, and sends the client no error', () => {
    bus.congested$.next(true); // another connection has filled the queue
    for (const number of [1, 2]) send(number, ',"id":1');
    expect(bus.sent).toEqual([]);
    expect(socket.isReading).toBe(false);
    bus.room = 1; // room for one only: congested again within the resume
    bus.congested$.next(false);
    expect(bus.sent).toEqual(['1']);
    expect(socket.isReading).toBe(false);
    bus.room = 100;
    bus.congested$.next(false);
    expect(bus.sent).toEqual(['1', '2']);
    expect(statistics.errors.congested).toBe(0);
    connection.outgoing.flush();
    expect(written).not.toContain('error');
  });

  it('resumes the waiting clients in turn, and reads from no client before its turn', () => {
    const otherSocket = new FakeSocket();
    const other = open(otherSocket);
    bus.congested$.next(true);
    for (const number of [1, 2]) send(number);
    for (const number of [11, 12]) send(number, '', other);
    for (const sent of [['1'], ['1', '11'], ['1', '11', '2']]) {
      bus.room = 1;
      bus.congested$.next(false);
      expect(bus.sent).toEqual(sent);
    }
    expect(otherSocket.isReading).toBe(false);
    bus.room = 100;
    bus.congested$.next(false);
    expect(bus.sent).toEqual(['1', '11', '2', '12']);
    expect([socket.isReading, otherSocket.isReading]).toEqual([true, true]);
  });

  it('sends an error when nothing would ever resume the client', () => {
    send(1, ',"id":7'); // refused, although the bus is not congested
    expect(statistics.errors.congested).toBe(1);
    connection.outgoing.flush();
    expect(written).toContain('"id":7,"data":{"code":"congested"');
    expect(socket.isReading).toBe(true);
  });
});
