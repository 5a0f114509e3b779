import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { filter, firstValueFrom, Subject } from 'rxjs';
import type { Environment } from '../config/variables.js';
import { LogBudget } from '../telemetry/log-budget.js';
import type { Datagram } from './datagram.js';
import { chooseRoute } from './route.js';
import { lo } from './testing/networks.js';
import { udpBroadcastVariables } from './udp-broadcast.config.js';
import { UdpSockets } from './udp-sockets.js';
import { UdpStatistics } from './udp-traffic.js';

const onLinux = process.platform === 'linux' ? describe : describe.skip;
if (process.platform !== 'linux') process.stdout.write('127.0.0.2 is an address on Linux only: skipped\n');

onLinux('UdpSockets when the networks change', () => {
  const opened: UdpSockets[] = [];
  const changes: string[] = [];
  let datagrams: Subject<Datagram>;
  let settings: Environment;

  beforeEach(() => {
    datagrams = new Subject();
    changes.length = 0;
    const [port, unicastPort] = [randomInt(10_000, 20_000), randomInt(20_000, 32_000)];
    settings = { UDP_PORT: String(port), UDP_UNICAST_PORT: String(unicastPort) };
  });

  afterEach(async () => {
    await Promise.all(opened.splice(0).map(async (sockets) => sockets.close()));
  });

  async function open(env: Environment = {}) {
    const parsed = udpBroadcastVariables.parse({ ...settings, ...env });
    const route = chooseRoute(parsed, [lo]);
    const sockets = await UdpSockets.open(parsed, route, {
      statistics: new UdpStatistics(),
      warnings: new LogBudget({ warn: (line: string) => changes.push(line) }),
      received: (datagram) => datagrams.next(datagram),
      changed: (what) => changes.push(what),
    });
    opened.push(sockets);
    const hears = async (text: string) => {
      const heard = firstValueFrom(datagrams.pipe(filter(({ bytes }) => bytes.toString() === text)));
      sockets.own.send(Buffer.from(text), route.target, parsed.UDP_PORT);
      return heard;
    };
    return { sockets, route, hears, port: parsed.UDP_UNICAST_PORT };
  }

  it('send from another address, at the same port, and are heard', async () => {
    const { sockets, route, hears, port } = await open();
    expect(await hears('before')).toMatchObject({ address: '127.0.0.1', port, arrival: 'shared' });
    await sockets.follow({ ...route, from: '127.0.0.2' });
    expect(await hears('after')).toMatchObject({ address: '127.0.0.2', port, arrival: 'shared' });
    expect(changes).toEqual([`sending from 127.0.0.2:${port}`]);
  });

  it('stay as they are when the port is taken at the new address, or the address is none', async () => {
    const { sockets, route, hears, port } = await open();
    const holder = createSocket('udp4').bind(port, '127.0.0.2');
    await once(holder, 'listening');
    await expect(sockets.follow({ ...route, from: '127.0.0.2' })).rejects.toThrow('is taken');
    await expect(sockets.follow({ ...route, from: '192.0.2.1' })).rejects.toThrow('UDP_INTERFACE: 192.0.2.1');
    expect(await hears('still')).toMatchObject({ address: '127.0.0.1' });
    holder.close();
    await sockets.follow({ ...route, from: '127.0.0.2' });
    expect(await hears('at last')).toMatchObject({ address: '127.0.0.2' });
  });

  it('are not replaced when nothing concerns them', async () => {
    const { sockets, route, hears } = await open({ UDP_MODE: 'multicast', UDP_INTERFACE: '127.0.0.1' });
    const { own } = sockets;
    await sockets.follow(route);
    await sockets.follow(route);
    expect(sockets.own).toBe(own);
    expect(changes).toEqual([]);
    expect(await hears('multicast')).toMatchObject({ arrival: 'shared' });
  });

  it('are members of their group again when that was forgotten', async () => {
    const { sockets, route, hears } = await open({ UDP_MODE: 'multicast', UDP_INTERFACE: '127.0.0.1' });
    sockets['sharedSocket']?.raw.dropMembership(route.target, '127.0.0.1');
    await sockets.follow(route);
    expect(changes).toEqual([`a member of ${route.target} again`]);
    expect(await hears('multicast')).toMatchObject({ arrival: 'shared' });
  });
});
