import type { NetworkInterfaceInfo } from 'node:os';

type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

/** Bridges and pairs of container engines and hypervisors: there is a broadcast domain, but no LAN behind it. */
const VIRTUAL = /^(docker|br-|veth|virbr|vmnet|vboxnet|cni|flannel|cali|tun|tap|wg|tailscale|zt)/;

/** The limited broadcast 255.255.255.255 leaves by one interface of the kernel's choice: never guess like that. */
export class AmbiguousInterfaceError extends Error {
  override readonly name = 'AmbiguousInterfaceError';
}

/**
 * The directed broadcast address of the only LAN interface, for `UDP_ADDRESS=auto`, and that interface's address.
 *
 * @param from address of the interface to use, when there are several
 * @throws {AmbiguousInterfaceError} when there is none or more than one candidate; the message lists them
 */
export function findLan(interfaces: Interfaces, from?: string): { address: string; broadcast: string } {
  const candidates = ipv4Interfaces(interfaces).filter(({ name, address, internal }) =>
    from === undefined ? !internal && !VIRTUAL.test(name) : address === from,
  );
  const [only] = candidates;
  if (only !== undefined && candidates.length === 1) {
    return { address: only.address, broadcast: broadcastOf(only.address, only.netmask) };
  }
  const found = candidates.map(({ name, address, netmask }) => `${name} ${broadcastOf(address, netmask)}`);
  throw new AmbiguousInterfaceError(
    found.length === 0
      ? 'UDP_ADDRESS=auto found no LAN interface: set UDP_ADDRESS to a broadcast address, or UDP_MODE=mesh'
      : `UDP_ADDRESS=auto found several LAN interfaces: set UDP_ADDRESS to one of ${found.join(', ')}`,
  );
}

/** The address of the interface whose directed broadcast address `broadcast` is; undefined if there is none. */
export function interfaceFor(interfaces: Interfaces, broadcast: string): string | undefined {
  return ipv4Interfaces(interfaces).find(
    ({ address, netmask }) => broadcastOf(address, netmask) === broadcast,
  )?.address;
}

export function broadcastOf(address: string, netmask: string): string {
  const mask = netmask.split('.').map(Number);
  return address
    .split('.')
    .map((octet, index) => (Number(octet) | (~(mask[index] ?? 255) & 255)).toString())
    .join('.');
}

function ipv4Interfaces(interfaces: Interfaces) {
  return Object.entries(interfaces).flatMap(([name, addresses]) =>
    (addresses ?? []).filter(({ family }) => family === 'IPv4').map((info) => ({ name, ...info })),
  );
}
