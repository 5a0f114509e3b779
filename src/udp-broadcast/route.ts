import { ConfigurationError } from '../config/variables.js';
import { broadcastOf, hasBroadcast, isLan, type Network } from './network.js';
import type { UdpSettings } from './udp-broadcast.config.js';

const MULTICAST_GROUP = '239.255.22.22';
const LOOPBACK_BROADCAST = '127.255.255.255';
/** The address to bind to when the kernel chooses by its routes. */
export const ANY_ADDRESS = '0.0.0.0';

/** How datagrams leave this node. */
export interface Route {
  /** Where broadcasts go; empty in mesh mode. */
  readonly target: string;
  /** The address of this machine they are sent from. */
  readonly from: string;
  /** The name of the interface that was found at the start. The route returns to it. */
  readonly home?: string;
}

/** @throws {ConfigurationError} when UDP_ADDRESS=auto finds no LAN, or more than one; the message lists them */
export function chooseRoute(settings: UdpSettings, networks: readonly Network[]): Route {
  const { UDP_MODE: mode, UDP_ADDRESS: address, UDP_INTERFACE: from = ANY_ADDRESS } = settings;
  if (mode === 'mesh') return { target: '', from };
  if (mode === 'multicast') return { target: address ?? MULTICAST_GROUP, from };
  const found = waysOut(settings, networks);
  const [first] = found;
  if (address === 'auto' && found.length !== 1) throw noSingleLan(settings, networks, found);
  if (first === undefined) return { target: explicitTarget(settings), from };
  return { target: broadcastOf(first), from: first.address, home: first.name };
}

/** The route after the networks of a running node have changed. What can't be found now stays unchanged. */
export function followRoute(settings: UdpSettings, networks: readonly Network[], route: Route): Route {
  // where the kernel chooses, it follows changes itself
  if (settings.UDP_MODE !== 'broadcast' || route.from === ANY_ADDRESS) return route;
  const found = waysOut(settings, networks);
  const atHome = found.filter(({ name }) => name === route.home);
  const next =
    atHome.find(({ address }) => address === route.from) ??
    atHome[0] ??
    (found.length === 1 ? found[0] : undefined);
  return next === undefined ? route : { ...route, target: broadcastOf(next), from: next.address };
}

/** The networks through which broadcasts may be sent. */
function waysOut(settings: UdpSettings, networks: readonly Network[]): Network[] {
  const { UDP_ADDRESS: address, UDP_INTERFACE: from } = settings;
  const possible = networks.filter((network) => from === undefined || network.address === from);
  if (address !== 'auto') {
    return possible.filter((network) => broadcastOf(network) === explicitTarget(settings));
  }
  return possible.filter((network) => hasBroadcast(network) && (from !== undefined || isLan(network)));
}

const explicitTarget = ({ UDP_ADDRESS: address }: UdpSettings): string => address ?? LOOPBACK_BROADCAST;

/** There is no single LAN. (255.255.255.255 does not help: it goes through one interface, which the kernel chooses.) */
function noSingleLan(
  { UDP_INTERFACE: from }: UdpSettings,
  networks: readonly Network[],
  found: readonly Network[],
): ConfigurationError {
  if (found.length > 1) {
    const choice = found.map((network) => `${network.name} ${broadcastOf(network)}`).join(', ');
    return unfit('UDP_ADDRESS', `auto found several LAN interfaces: set it to one of ${choice}`);
  }
  if (from !== undefined && !networks.some(({ address }) => address === from)) {
    return unfit('UDP_INTERFACE', `${from} is not an address of this machine`);
  }
  const mute = networks
    .filter((network) => !hasBroadcast(network) && (network.address === from || isLan(network)))
    .map(({ name, address }) => `${name} ${address}`);
  return unfit(
    'UDP_ADDRESS',
    mute.length === 0
      ? 'auto found no LAN interface with an IPv4 address: set it to a broadcast address, or UDP_MODE=mesh and UDP_PEERS'
      : `auto found no network with a broadcast address, only ${mute.join(', ')}: set UDP_MODE=mesh and UDP_PEERS`,
  );
}

const unfit = (variable: string, message: string) => new ConfigurationError([{ variable, message }]);
