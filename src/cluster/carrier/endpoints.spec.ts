import { beforeEach, describe, expect, it } from '@jest/globals';
import { NEVER, Subject } from 'rxjs';
import type { Datagram } from '../../udp-broadcast/datagram.js';
import type { UdpBroadcast } from '../../udp-broadcast/udp-broadcast.js';
import { Endpoints } from './endpoints.js';
import { UdpCarrier } from './udp-carrier.js';

describe('Endpoints', () => {
  let endpoints: Endpoints;

  beforeEach(() => {
    endpoints = new Endpoints();
  });

  it('are spelled as they are read', () => {
    expect(endpoints.addressOf('10.0.0.7:4000')).toEqual({ address: '10.0.0.7', port: 4_000 });
    expect(endpoints.endpointOf('10.0.0.7', 4_000)).toBe('10.0.0.7:4000');
    expect(endpoints.endpointOf('10.0.0.7', 4_001)).toBe('10.0.0.7:4001');
  });

  it('are bounded in number, whatever members do', () => {
    for (let port = 0; port < 50_000; port += 1) endpoints.addressOf(`10.0.${port % 7}.1:${port}`);
    expect(endpoints.size).toBeLessThanOrEqual(4_096);
    expect(endpoints.addressOf('10.0.0.1:7')).toEqual({ address: '10.0.0.1', port: 7 });
  });
});

describe('a million datagrams from as many senders', () => {
  it('leave no endpoint behind; an address that something is sent to does', async () => {
    const datagrams = new Subject<Datagram>();
    // Only what the carrier uses of the sockets.
    const udp = { datagrams$: datagrams, peers$: NEVER, open: async () => undefined, send: () => undefined };
    const endpoints = new Endpoints();
    const carrier = new UdpCarrier(udp as unknown as UdpBroadcast, endpoints);
    await carrier.open();
    const bytes = Buffer.from('garbage');
    let passedOn = 0;
    carrier.datagrams$.subscribe(() => (passedOn += 1));
    for (let count = 0; count < 1_000_000; count += 1) {
      const address = `10.${count & 255}.${(count >> 8) & 255}.1`;
      datagrams.next({ bytes, address, port: 1 + (count >> 16), arrival: 'own' });
    }
    expect(passedOn).toBe(1_000_000);
    expect(endpoints.size).toBe(0);
    carrier.send('10.0.0.7:4000', bytes);
    expect(endpoints.size).toBe(1);
    await carrier.close();
  });
});
