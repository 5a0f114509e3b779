import type { Network } from '../network.js';

/** For tests: an address of an interface of some machine. */
export const network = (name: string, address: string, prefix = 24): Network => ({
  name,
  address,
  netmask: [0, 8, 16, 24]
    .map((before) => 256 - 2 ** (8 - Math.min(8, Math.max(0, prefix - before))))
    .join('.'),
  cidr: `${address}/${prefix}`,
  mac: '02:00:00:00:00:01',
  internal: name === 'lo',
});

export const lo = network('lo', '127.0.0.1', 8);
export const eth0 = network('eth0', '10.1.2.3', 23);
export const eth1 = network('eth1', '192.168.7.1');
export const docker0 = network('docker0', '172.17.0.1', 16);
/** An interface in a cloud: its neighbours are behind a router. */
export const single = network('eth0', '10.1.2.3', 32);
