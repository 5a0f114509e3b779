import { describe, expect, it } from '@jest/globals';
import { baseOf, broadcastOf, contains, hasBroadcast, networksOf } from './network.js';
import { network } from './testing/networks.js';

describe('a network', () => {
  it.each([
    ['10.1.2.3', 23, '10.1.2.0', '10.1.3.255'],
    ['127.0.0.1', 8, '127.0.0.0', '127.255.255.255'],
    ['192.168.1.77', 30, '192.168.1.76', '192.168.1.79'],
  ])('of %s/%i is from %s to %s', (address, prefix, base, broadcast) => {
    const lan = network('eth0', address, prefix);
    expect([baseOf(lan), broadcastOf(lan)]).toEqual([base, broadcast]);
    expect([base, broadcast].map((end) => contains(lan, end))).toEqual([true, true]);
    expect(contains(lan, '10.1.4.0')).toBe(false);
  });

  it('has a broadcast address from four addresses on', () => {
    const has = (prefix: number) => hasBroadcast(network('eth0', '10.0.0.1', prefix));
    expect([30, 31, 32].map(has)).toEqual([true, false, false]);
  });

  it('is found for each IPv4 address of the machine', () => {
    const info = { internal: false, mac: '02:00:00:00:00:01', cidr: null };
    const ipv4 = { ...info, family: 'IPv4' as const, address: '10.0.0.1', netmask: '255.255.255.0' };
    const ipv6 = { ...info, family: 'IPv6' as const, address: 'fe80::1', netmask: 'ffff::', scopeid: 2 };
    expect(networksOf({ eth0: [ipv4, ipv6], eth1: undefined })).toMatchObject([
      { name: 'eth0', address: '10.0.0.1', netmask: '255.255.255.0' },
    ]);
  });
});
