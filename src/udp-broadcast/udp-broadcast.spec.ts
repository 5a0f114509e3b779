import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { randomInt } from 'node:crypto';
import { config as rxjs, filter, firstValueFrom, take, toArray } from 'rxjs';
import type { Environment } from '../config/variables.js';
import { logSubscriberErrors } from '../telemetry/subscriber-errors.js';
import type { Datagram } from './datagram.js';
import { udpBroadcastVariables } from './udp-broadcast.config.js';
import { UdpBroadcast } from './udp-broadcast.js';

Logger.overrideLogger(false);

describe('UdpBroadcast', () => {
  const opened: UdpBroadcast[] = [];
  let port: number;

  beforeEach(() => {
    port = randomInt(10_000, 32_000);
  });

  afterEach(async () => {
    await Promise.all(opened.splice(0).map(async (udp) => udp.close()));
  });

  async function open(env: Environment = {}): Promise<UdpBroadcast> {
    const udp = new UdpBroadcast(udpBroadcastVariables.parse({ UDP_PORT: String(port), ...env }));
    opened.push(udp);
    await udp.open();
    return udp;
  }

  const next = async (udp: UdpBroadcast, text: string): Promise<Datagram> =>
    firstValueFrom(udp.datagrams$.pipe(filter(({ bytes }) => bytes.toString() === text)));

  it.each([
    ['broadcast', {}],
    ['multicast', { UDP_MODE: 'multicast', UDP_INTERFACE: '127.0.0.1' }],
  ])('%s reaches every node that shares the port, the sender included', async (_mode, env) => {
    const nodes = [await open(env), await open(env), await open(env)];
    const received = Promise.all(nodes.map(async (node) => next(node, 'hello')));
    (nodes[0] as UdpBroadcast).broadcast(Buffer.from('hello'));
    for (const datagram of await received) {
      expect(datagram).toMatchObject({ arrival: 'shared', ...nodes[0]?.ownAddress });
    }
  });

  it('unicast reaches only one node, on its own socket', async () => {
    const [a, b] = [await open(), await open()];
    const atB = next(b, 'to b');
    const everythingAtA = firstValueFrom(a.datagrams$.pipe(take(1), toArray()));
    a.send(Buffer.from('to b'), b.ownAddress.address, b.ownAddress.port);
    expect(await atB).toMatchObject({ arrival: 'own', port: a.ownAddress.port });
    b.send(Buffer.from('to a'), a.ownAddress.address, a.ownAddress.port);
    expect((await everythingAtA).map(({ bytes }) => bytes.toString())).toEqual(['to a']);
  });

  it('mesh broadcasts to every configured peer', async () => {
    const ports = [port, port + 1, port + 2];
    const peers = ports.map((number) => `localhost:${number}`).join();
    const nodes = [];
    for (const number of ports) {
      nodes.push(await open({ UDP_MODE: 'mesh', UDP_PORT: String(number), UDP_PEERS: peers }));
    }
    const [a, b, c] = nodes as [UdpBroadcast, UdpBroadcast, UdpBroadcast];
    const received = Promise.all([next(b, 'mesh'), next(c, 'mesh')]);
    a.broadcast(Buffer.from('mesh'));
    for (const datagram of await received) expect(datagram).toMatchObject({ arrival: 'own', port });
    expect(await firstValueFrom(a.peers$)).toEqual({
      addresses: [`127.0.0.1:${port + 1}`, `127.0.0.1:${port + 2}`],
      areAllResolved: true,
    });
    expect(a.statistics.datagramsReceived).toBe(0);
  });

  it('fails to open when its exclusive port is taken, and leaves nothing open', async () => {
    const holder = createSocket('udp4').bind(port, '127.0.0.1');
    await once(holder, 'listening');
    const udp = new UdpBroadcast(
      udpBroadcastVariables.parse({ UDP_MODE: 'mesh', UDP_PORT: String(port), UDP_PEERS: 'localhost:9' }),
    );
    await expect(udp.open()).rejects.toThrow(`UDP_PORT: port ${port} is taken`);
    holder.close();
  });

  it.each<[string, Environment]>([
    ['UDP_UNICAST_PORT: port .* is taken', { UDP_UNICAST_PORT: 'PORT' }],
    ['UDP_INTERFACE: 192.0.2.1 is not an address of this machine', { UDP_INTERFACE: '192.0.2.1' }],
  ])('names the variable when a socket can not be bound: %s', async (message, env) => {
    const holder = createSocket('udp4').bind(0, '127.0.0.1');
    await once(holder, 'listening');
    const taken = { PORT: String(holder.address().port) };
    const variables = Object.entries(env).map(([name, value]) => [name, taken[value as 'PORT'] ?? value]);
    await expect(open(Object.fromEntries(variables) as Environment)).rejects.toThrow(new RegExp(message));
    holder.close();
  });

  it('counts a send that fails, and goes on', async () => {
    const udp = await open();
    const heard = next(udp, 'after');
    udp.send(Buffer.alloc(70_000), '127.0.0.1', port); // EMSGSIZE
    udp.broadcast(Buffer.from('after'));
    await heard;
    expect(udp.statistics).toMatchObject({ sendErrors: 1, datagramsSent: 2, datagramsReceived: 1 });
  });

  it('reports the receive buffer that the kernel granted', async () => {
    const small = await open({ UDP_RECEIVE_BUFFER_BYTES: '65536' });
    expect(small.receiveBufferBytes).toBeGreaterThanOrEqual(65_536);
    expect(small.receiveBufferBytes).toBeLessThan(1_000_000);
  });

  it('survives a subscriber that throws, and so do the other subscribers and the process', async () => {
    const errors: unknown[] = [];
    logSubscriberErrors();
    const { onUnhandledError } = rxjs;
    const reported = new Promise<void>((resolve) => {
      rxjs.onUnhandledError = (error) => {
        errors.push(error);
        resolve();
      };
    });
    const udp = await open();
    udp.datagrams$.subscribe(() => {
      throw new Error('a bug in a team module');
    });
    const both = firstValueFrom(udp.datagrams$.pipe(take(2), toArray()));
    udp.broadcast(Buffer.from('1'));
    udp.broadcast(Buffer.from('2'));
    expect((await both).map(({ bytes }) => bytes.toString())).toEqual(['1', '2']);
    await reported;
    rxjs.onUnhandledError = onUnhandledError;
    expect(errors).toContainEqual(new Error('a bug in a team module'));
  });

  it('completes its stream on close, and refuses to send afterwards', async () => {
    const udp = await open();
    const all = firstValueFrom(udp.datagrams$.pipe(toArray()));
    await udp.close();
    expect(await all).toEqual([]);
    expect(() => udp.broadcast(Buffer.from('x'))).toThrow('not open');
    await expect(udp.open()).rejects.toThrow('closed');
  });
});
