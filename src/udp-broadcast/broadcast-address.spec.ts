import { describe, expect, it } from '@jest/globals';
import type { NetworkInterfaceInfoIPv4 } from 'node:os';
import { broadcastOf, findLan, interfaceFor } from './broadcast-address.js';

const ipv4 = (address: string, netmask: string, internal = false): NetworkInterfaceInfoIPv4 => ({
  address,
  netmask,
  internal,
  family: 'IPv4',
  mac: '00:00:00:00:00:00',
  cidr: null,
});

const lo = [ipv4('127.0.0.1', '255.0.0.0', true)];
const eth0 = [ipv4('10.1.2.3', '255.255.254.0')];

describe('broadcastOf', () => {
  it.each([
    ['10.1.2.3', '255.255.254.0', '10.1.3.255'],
    ['127.0.0.1', '255.0.0.0', '127.255.255.255'],
    ['192.168.1.77', '255.255.255.252', '192.168.1.79'],
  ])('of %s/%s is %s', (address, netmask, broadcast) => {
    expect(broadcastOf(address, netmask)).toBe(broadcast);
  });
});

describe('findLan', () => {
  it("finds the only LAN interface's broadcast address", () => {
    expect(findLan({ lo, eth0 })).toEqual({ address: '10.1.2.3', broadcast: '10.1.3.255' });
  });

  it('passes over bridges of container engines', () => {
    const docker0 = [ipv4('172.17.0.1', '255.255.0.0')];
    expect(findLan({ lo, docker0, 'br-12ab': docker0, veth9: docker0, eth0 }).address).toBe('10.1.2.3');
  });

  it('refuses to choose between two, and names both', () => {
    const eth1 = [ipv4('192.168.7.1', '255.255.255.0')];
    expect(() => findLan({ eth0, eth1 })).toThrow('eth0 10.1.3.255, eth1 192.168.7.255');
    expect(findLan({ eth0, eth1 }, '192.168.7.1')).toEqual({
      address: '192.168.7.1',
      broadcast: '192.168.7.255',
    });
  });

  it('says so when there is none', () => {
    expect(() => findLan({ lo })).toThrow('found no LAN interface');
  });
});

describe('interfaceFor', () => {
  it('finds the interface a broadcast address belongs to', () => {
    expect(interfaceFor({ lo, eth0 }, '10.1.3.255')).toBe('10.1.2.3');
    expect(interfaceFor({ lo, eth0 }, '127.255.255.255')).toBe('127.0.0.1');
    expect(interfaceFor({ lo, eth0 }, '10.9.9.255')).toBeUndefined();
  });
});
