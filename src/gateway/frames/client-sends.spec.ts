import { describe, expect, it } from '@jest/globals';
import { MemoryNetwork, type MemoryBus } from '../../cluster/bus/memory-bus.js';
import { Cluster } from '../../cluster/cluster.js';
import { ConnectionRegistry } from '../../connections/connection-registry.js';
import { Messaging } from '../../messaging/messaging.js';
import { readFrame } from '../../wire/incoming-frame.js';
import type { SendFrame } from '../../wire/plain-send.js';
import type { ClientConnection } from '../client/client-connection.js';
import type { FrameReceiver } from '../client/intake.js';
import { ClientSends } from './client-sends.js';
import { Congestion } from './congestion.js';
import { GatewayStatistics } from '../gateway-statistics.js';
import { connectionContext, connectionOf } from '../client/testing/connection-context.js';
import { FakeSocket } from '../client/testing/fake-socket.js';

/** Everything queued at a node has been delivered, and the clients that waited for it have gone on. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('ClientSends, when the queues towards other nodes fill up', () => {
  let bus: MemoryBus;
  let sends: ClientSends;
  let socket: FakeSocket;
  let connection: ClientConnection;
  let statistics: GatewayStatistics;
  let written: string;
  /** What has come to the other node, which holds the user. */
  let received: string[];

  /** @param queueBytesMax the queue is congested when half of it is full */
  const start = async (queueBytesMax: number) => {
    const network = new MemoryNetwork(queueBytesMax);
    bus = network.node('a');
    const other = network.node('b');
    await Promise.all([bus.start(), other.start()]);
    other.join({ kind: 'user', name: 'x' }, () => undefined);
    received = [];
    other.messages$.subscribe(({ data }) => received.push(data.toString()));
    const cluster = new Cluster(bus);
    const congestion = new Congestion(cluster);
    congestion.onModuleInit();
    sends = new ClientSends(new Messaging(new ConnectionRegistry(), cluster), congestion);
    statistics = new GatewayStatistics();
    written = '';
    socket = new FakeSocket();
    connection = open(socket);
  };

  const open = (of: FakeSocket): ClientConnection => {
    const receiver: FrameReceiver<ClientConnection> = {
      admit: () => true,
      receive: (from, payload) => sends.handle(from, readFrame(payload) as SendFrame),
      countControl: () => undefined,
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

  const fillQueue = () => bus.send({ to: 'x', from: 'y', data: Buffer.from('0') }, null);

  it('stops reading from the sender, and keeps what was read already, in order', async () => {
    await start(3);
    for (const number of [1, 2, 3, 4, 5]) send(number);
    expect(socket.isReading).toBe(false);
    await turn();
    expect(received).toEqual(['1', '2']);
    expect(socket.isReading).toBe(false);
    await turn();
    await turn();
    expect(received).toEqual(['1', '2', '3', '4', '5']);
    expect(socket.isReading).toBe(true);
  });

  it('handles a refused frame again later, and sends the client no error', async () => {
    await start(1);
    fillQueue();
    for (const number of [1, 2]) send(number, ',"id":1');
    expect(socket.isReading).toBe(false);
    await turn(); // there is room for one only: the queue is congested again within the resume
    expect(received).toEqual(['0']);
    expect(socket.isReading).toBe(false);
    await turn();
    expect(received).toEqual(['0', '1']);
    await turn();
    expect(received).toEqual(['0', '1', '2']);
    expect(socket.isReading).toBe(true);
    expect(statistics.errors.congested).toBe(0);
    connection.outgoing.flush();
    expect(written).not.toContain('error');
  });

  it('resumes the waiting clients in turn, and reads from no client before its turn', async () => {
    await start(1);
    const otherSocket = new FakeSocket();
    const other = open(otherSocket);
    fillQueue();
    for (const number of [1, 2]) send(number);
    for (const number of [3, 4]) send(number, '', other);
    for (const came of [['0'], ['0', '1'], ['0', '1', '3']]) {
      await turn();
      expect(received).toEqual(came);
      expect(otherSocket.isReading).toBe(false);
    }
    await turn();
    await turn();
    expect(received).toEqual(['0', '1', '3', '2', '4']);
    expect([socket.isReading, otherSocket.isReading]).toEqual([true, true]);
  });

  it('does not wait for a volatile message', async () => {
    await start(3);
    for (const number of [1, 2]) send(number);
    expect(socket.isReading).toBe(false);
    const eagerSocket = new FakeSocket();
    send(3, ',"volatile":true,"id":1', open(eagerSocket));
    expect(eagerSocket.isReading).toBe(true);
    await turn();
    expect(received).toEqual(['1', '2']);
    expect(written).toContain('{"event":"ack","id":1,"data":{"delivered":0,"complete":false}}');
  });

  it('sends an error when nothing would ever resume the client', async () => {
    await start(0);
    send(1, ',"id":7'); // refused, although the bus is not congested
    expect(statistics.errors.congested).toBe(1);
    connection.outgoing.flush();
    expect(written).toContain('"id":7,"data":{"code":"congested"');
    expect(socket.isReading).toBe(true);
  });
});
