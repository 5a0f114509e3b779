import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os';

/** The result of `os.networkInterfaces()`: the interfaces that are up and have a link. */
type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

/** An IPv4 address of this machine, and the network it is in. */
export interface Network {
  /** The name of the interface. */
  readonly name: string;
  readonly address: string;
  readonly netmask: string;
  /** "10.0.0.1/24"; null when the mask is not valid. */
  readonly cidr: string | null;
  readonly mac: string;
  readonly internal: boolean;
}

/** Interfaces of container engines and hypervisors: they have a broadcast domain, but no LAN behind it. */
const VIRTUAL = /^(docker|br-|veth|virbr|vmnet|vboxnet|cni|flannel|cali|tun|tap|wg|tailscale|zt)/;
/** Point to point (/31) and single addresses (/32): nobody can hear a broadcast there. */
const WITHOUT_BROADCAST = new Set(['255.255.255.254', '255.255.255.255']);

/** The networks now. @throws when the system can't list them, because it has no file descriptors left */
export const readNetworks = (): Network[] => networksOf(networkInterfaces());

export function networksOf(interfaces: Interfaces): Network[] {
  return Object.entries(interfaces).flatMap(([name, infos]) =>
    (infos ?? []).filter(({ family }) => family === 'IPv4').map((info) => ({ name, ...info })),
  );
}

export const hasBroadcast = ({ netmask }: Network): boolean => !WITHOUT_BROADCAST.has(netmask);

/** Whether it reaches beyond this machine and its container engine. */
export const isLan = ({ name, internal }: Network): boolean => !internal && !VIRTUAL.test(name);

/** The network's directed broadcast address. */
export const broadcastOf = (network: Network): string =>
  masked(network.address, network, (octet, mask) => octet | (~mask & 255));

/** The network's first address, which belongs to no host. */
export const baseOf = (network: Network): string => prefixOf(network.address, network);

export const contains = (network: Network, address: string): boolean =>
  prefixOf(address, network) === baseOf(network);

/** Whether the address is this machine's. All of 127.0.0.0/8 is. */
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
