import { ConfigurationError } from '../config/variables.js';
import { broadcastOf, hasBroadcast, isLan, type Network } from './network.js';
import type { UdpSettings } from './udp-broadcast.config.js';

const MULTICAST_GROUP = '239.255.22.22';
const LOOPBACK_BROADCAST = '127.255.255.255';
/** To bind to: the kernel chooses by its routes. */
export const ANY_ADDRESS = '0.0.0.0';

/** How datagrams leave this node. */
export interface Route {
  /** Where broadcasts go; empty in mesh mode. */
  readonly target: string;
  /** The address of this machine they are sent from. */
  readonly from: string;
}

/** @throws {ConfigurationError} when UDP_ADDRESS=auto finds no LAN, or more than one; the message lists them */
export function chooseRoute(settings: UdpSettings, networks: readonly Network[]): Route {
  const { UDP_MODE: mode, UDP_ADDRESS: address, UDP_INTERFACE: from } = settings;
  if (mode === 'mesh') return { target: '', from: from ?? ANY_ADDRESS };
  if (mode === 'multicast') return { target: address ?? MULTICAST_GROUP, from: from ?? ANY_ADDRESS };
  if (address === 'auto') {
    const lan = findLan(networks, from);
    return { target: broadcastOf(lan), from: lan.address };
  }
  const target = address ?? LOOPBACK_BROADCAST;
  const sender = networks.find((network) => broadcastOf(network) === target);
  return { target, from: from ?? sender?.address ?? ANY_ADDRESS };
}

/** The limited broadcast 255.255.255.255 leaves by one interface of the kernel's choice: never guess like that. */
function findLan(networks: readonly Network[], from: string | undefined): Network {
  const candidates = networks.filter(({ address }) => from === undefined || address === from);
  if (from !== undefined && candidates.length === 0) {
    throw unfit('UDP_INTERFACE', `${from} is not an address of this machine`);
  }
  const lans = candidates.filter((network) => from !== undefined || isLan(network));
  const found = lans.filter(hasBroadcast);
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  if (only !== undefined) {
    const choice = found.map((network) => `${network.name} ${broadcastOf(network)}`).join(', ');
    throw unfit('UDP_ADDRESS', `auto found several LAN interfaces: set it to one of ${choice}`);
  }
  if (lans.length === 0) {
    throw unfit(
      'UDP_ADDRESS',
      'auto found no LAN interface: set it to a broadcast address, or UDP_MODE=mesh and UDP_PEERS',
    );
  }
  const mute = lans.map(({ name, address }) => `${name} ${address}`).join(', ');
  throw unfit(
    'UDP_ADDRESS',
    `auto found no network with a broadcast address, only ${mute}: set UDP_MODE=mesh and UDP_PEERS`,
  );
}

const unfit = (variable: string, message: string) => new ConfigurationError([{ variable, message }]);
