import type { Network } from '../network.js';

/** For tests: an address of an interface of some machine. */
export const network = (name: string, address: string, netmask = '255.255.255.0'): Network => ({
  name,
  address,
  netmask,
  mac: '02:00:00:00:00:01',
  internal: name === 'lo',
});

export const lo = network('lo', '127.0.0.1', '255.0.0.0');
export const eth0 = network('eth0', '10.1.2.3', '255.255.254.0');
export const eth1 = network('eth1', '192.168.7.1');
export const docker0 = network('docker0', '172.17.0.1', '255.255.0.0');
/** A cloud's interface: its neighbours are reached by way of a router. */
export const single = network('eth0', '10.1.2.3', '255.255.255.255');
