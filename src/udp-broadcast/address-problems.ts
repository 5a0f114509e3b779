import type { Problem } from '../config/variables.js';
import { baseOf, broadcastOf, contains, hasBroadcast, isLan, type Network } from './network.js';
import type { UdpSettings } from './udp-broadcast.config.js';

const LIMITED_BROADCAST = '255.255.255.255';

/**
 * Mistakes that can be seen from the networks of this machine. A node that sends only to itself, or to one other host,
 * would hear itself, be ready, and be alone.
 */
export function addressProblems(settings: UdpSettings, networks: readonly Network[]): Problem[] {
  const { UDP_INTERFACE: from } = settings;
  const target = explicitBroadcast(settings);
  const badTarget = target === null ? null : problemOfTarget(target, networks);
  const badSource = from === undefined ? null : problemOfSource(from, target, networks);
  return [
    ...(badTarget === null ? [] : [{ variable: 'UDP_ADDRESS', message: badTarget }]),
    ...(badSource === null ? [] : [{ variable: 'UDP_INTERFACE', message: badSource }]),
  ];
}

/** Settings that may be a mistake, or may be intended. */
export function addressWarnings(settings: UdpSettings, networks: readonly Network[]): string[] {
  const lans = networks.filter((network) => isLan(network) && hasBroadcast(network));
  if (settings.UDP_MODE === 'multicast') {
    if (settings.UDP_INTERFACE !== undefined || new Set(lans.map(({ name }) => name)).size < 2) return [];
    const choice = lans.map(({ name, address }) => `${name} ${address}`).join(', ');
    return [
      `UDP_INTERFACE is not set, and this machine is in several networks (${choice}): the kernel chooses one for the group. ` +
        'Set UDP_INTERFACE to the address in the network that the nodes share',
    ];
  }
  const target = explicitBroadcast(settings);
  if (target === null || networks.some((network) => broadcastOf(network) === target)) return [];
  const there = lans.map((network) => `${network.name} ${broadcastOf(network)}`).join(', ') || 'none';
  return [
    `UDP_ADDRESS ${target} is the broadcast address of no interface that is up (there are: ${there}): waiting for one`,
  ];
}

/** The directed broadcast address in UDP_ADDRESS; null: there is none. */
function explicitBroadcast({ UDP_MODE: mode, UDP_ADDRESS: address }: UdpSettings): string | null {
  if (mode !== 'broadcast' || address === undefined || address === 'auto') return null;
  return address === LIMITED_BROADCAST ? null : address;
}

function problemOfTarget(target: string, networks: readonly Network[]): string | null {
  if (networks.some((network) => hasBroadcast(network) && broadcastOf(network) === target)) return null;
  const own = networks.find(({ address }) => address === target);
  if (own !== undefined) return `${target} is this machine's own address: ${adviceOn(own)}`;
  const network = networks.find((candidate) => hasBroadcast(candidate) && contains(candidate, target));
  if (network === undefined) return null;
  const what = target === baseOf(network) ? 'the address of the network itself' : 'the address of one host';
  return `${target} is ${what}: ${adviceOn(network)}`;
}

const adviceOn = (network: Network): string =>
  hasBroadcast(network)
    ? `the broadcast address of ${network.name} is ${broadcastOf(network)}`
    : `${network.name} has no broadcast address; set UDP_MODE=mesh and UDP_PEERS`;

function problemOfSource(from: string, target: string | null, networks: readonly Network[]): string | null {
  const isOwn = networks.some(({ address }) => address === from);
  // the kernel allows a socket such an address, but nothing that is sent from it is ever answered
  if (!isOwn && networks.some((network) => isReserved(from, network))) {
    return `${from} is a broadcast or network address, not one of this machine`;
  }
  const ofTarget = networks.filter((network) => broadcastOf(network) === target);
  if (isOwn && ofTarget.length > 0 && !ofTarget.some(({ address }) => address === from)) {
    return `${from} is not in the network of UDP_ADDRESS ${target}`;
  }
  return null;
}

const isReserved = (address: string, network: Network): boolean =>
  hasBroadcast(network) && (address === broadcastOf(network) || address === baseOf(network));
