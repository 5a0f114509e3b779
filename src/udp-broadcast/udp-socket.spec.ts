import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Socket } from 'node:dgram';
import { EventEmitter } from 'node:events';
import { LogBudget } from '../telemetry/log-budget.js';
import { UdpSocket } from './udp-socket.js';
import { UdpStatistics } from './udp-traffic.js';

type Sent = (error: Error | null) => void;

/** A socket whose network takes nothing until a test tells it to. */
class StuckSocket extends EventEmitter {
  readonly queue: { bytes: Buffer; sent: Sent }[] = [];

  send(bytes: Buffer, _port: number, _address: string, sent: Sent): void {
    this.queue.push({ bytes, sent });
  }

  getSendQueueSize(): number {
    return this.queue.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  getSendQueueCount(): number {
    return this.queue.length;
  }

  drain(error: Error | null = null): void {
    for (const { sent } of this.queue.splice(0)) sent(error);
  }
}

describe('UdpSocket', () => {
  const lines: string[] = [];
  let raw: StuckSocket;
  let statistics: UdpStatistics;
  let socket: UdpSocket;

  beforeEach(() => {
    lines.length = 0;
    raw = new StuckSocket();
    statistics = new UdpStatistics();
    const warnings = new LogBudget({ warn: (line: string) => lines.push(line) });
    const traffic = { statistics, warnings, received: () => undefined, changed: () => undefined };
    socket = new UdpSocket(raw as unknown as Socket, 'own', traffic);
  });

  const send = (datagrams: number, bytes: number): void => {
    const datagram = Buffer.alloc(bytes);
    for (let count = 0; count < datagrams; count += 1) socket.send(datagram, '10.0.0.2', 2222);
  };

  it.each([
    [8_900, 4 << 20],
    [50, 4_096 * 50],
  ])('lets datagrams of %i bytes wait up to a bound, and drops and counts the rest', (size, bytesMax) => {
    send(10_000, size);
    expect(raw.getSendQueueSize()).toBeLessThan(bytesMax + size);
    expect(raw.getSendQueueSize()).toBeGreaterThanOrEqual(bytesMax - size);
    expect(statistics).toMatchObject({
      datagramsSent: 10_000,
      sendErrors: 10_000 - raw.queue.length,
    });
    expect(lines[0]).toMatch(/the network takes less than is sent/);
  });

  it('sends again when the backlog has left', () => {
    send(10_000, 1_200);
    const dropped = statistics.sendErrors;
    raw.drain();
    send(1_000, 1_200);
    expect(raw.queue.length).toBe(1_000);
    expect(statistics.sendErrors).toBe(dropped);
  });

  it('counts what the system refuses', () => {
    send(3, 1_200);
    raw.drain(new Error('ENETUNREACH'));
    expect(statistics).toMatchObject({ datagramsSent: 3, sendErrors: 3 });
    expect(lines[0]).toBe('UDP send failed: ENETUNREACH');
  });

  it('logs what it means when the system refuses a datagram of this size, and counts it', () => {
    send(1, 32_768);
    raw.drain(Object.assign(new Error('send EMSGSIZE'), { code: 'EMSGSIZE' }));
    expect(statistics).toMatchObject({ datagramsSent: 1, sendErrors: 1 });
    expect(lines[0]).toMatch(/no datagrams of that size \(EMSGSIZE\).*UDP_DATAGRAM_BYTES_MAX/);
  });

  it('counts its own errors', () => {
    raw.emit('error', new Error('ENETDOWN'));
    expect(statistics.socketErrors).toBe(1);
    expect(lines).toEqual(['UDP socket error: ENETDOWN']);
  });
});
