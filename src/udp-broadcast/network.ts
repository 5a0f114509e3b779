import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os';

/** As `os.networkInterfaces()` tells: those that are up and have a link. */
type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

/** An IPv4 address of this machine, and the network it is in. */
export interface Network {
  /** Of the interface. */
  readonly name: string;
  readonly address: string;
  readonly netmask: string;
  /** "10.0.0.1/24"; null where the mask is none. */
  readonly cidr: string | null;
  readonly mac: string;
  readonly internal: boolean;
}

/** Bridges and pairs of container engines and hypervisors: there is a broadcast domain, but no LAN behind it. */
const VIRTUAL = /^(docker|br-|veth|virbr|vmnet|vboxnet|cni|flannel|cali|tun|tap|wg|tailscale|zt)/;
/** Point to point (/31) and single addresses (/32): nobody is there who could hear a broadcast. */
const WITHOUT_BROADCAST = new Set(['255.255.255.254', '255.255.255.255']);

/** As they are now. @throws when the system does not tell, for want of file descriptors */
export const readNetworks = (): Network[] => networksOf(networkInterfaces());

export function networksOf(interfaces: Interfaces): Network[] {
  return Object.entries(interfaces).flatMap(([name, infos]) =>
    (infos ?? []).filter(({ family }) => family === 'IPv4').map((info) => ({ name, ...info })),
  );
}

export const hasBroadcast = ({ netmask }: Network): boolean => !WITHOUT_BROADCAST.has(netmask);

/** Not of this machine or of its container engine alone. */
export const isLan = ({ name, internal }: Network): boolean => !internal && !VIRTUAL.test(name);

/** Its directed broadcast address. */
export const broadcastOf = (network: Network): string =>
  masked(network.address, network, (octet, mask) => octet | (~mask & 255));

/** Its first address, which is no host's. */
export const baseOf = (network: Network): string => prefixOf(network.address, network);

export const contains = (network: Network, address: string): boolean =>
  prefixOf(address, network) === baseOf(network);

/** Whether it is this machine's: all of 127.0.0.0/8 is. */
export const isAddressIn = (networks: readonly Network[], address: string): boolean =>
  networks.some((network) => network.address === address || (network.internal && contains(network, address)));

const prefixOf = (address: string, network: Network): string =>
  masked(address, network, (octet, mask) => octet & mask);

function masked(
  address: string,
  { netmask }: Network,
  combine: (octet: number, mask: number) => number,
): string {
  const mask = netmask.split('.').map(Number);
  return address
    .split('.')
    .map((octet, index) => combine(Number(octet), mask[index] ?? 255).toString())
    .join('.');
}
