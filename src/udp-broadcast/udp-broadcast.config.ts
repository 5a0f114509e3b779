import { registerAs } from '@nestjs/config';
import { isIPv4, isIPv6 } from 'node:net';
import { z } from 'zod';
import { integer, list, port, Variables, type Environment, type Problem } from '../config/variables.js';
import { parsePeer } from './peer.js';

/** With less a burst of a few hundred datagrams overruns the socket; see docs/operations.md. */
const RECEIVE_BUFFER_BYTES_MIN = 65_536;

/** 224.0.0.0 to 239.255.255.255 are multicast groups. The addresses above are no addresses of hosts either. */
const FIRST_GROUP = 224;
const firstOctet = (address: string): number => Number.parseInt(address, 10);

const IPV4_ONLY =
  'is of IPv6, and nodes speak IPv4 with each other: give an IPv4 address. Clients may use IPv6, with HOST=::';
const isOfIPv6 = (text: string): boolean => isIPv6(text) || /^\[[^\]]*\](:\d*)?$/.test(text);
const anIPv4 = (isMeant: (text: string) => boolean, message: string) =>
  z.string().refine(isMeant, { error: ({ input }) => (isOfIPv6(String(input)) ? IPV4_ONLY : message) });

export const udpBroadcastVariables = new Variables(
  {
    UDP_MODE: z
      .enum(['broadcast', 'multicast', 'mesh'], 'must be broadcast, multicast or mesh')
      .default('broadcast')
      .describe(
        '`broadcast`, `multicast`, or `mesh` (unicast to UDP_PEERS, for networks without broadcast: clouds, Kubernetes, Wi-Fi)',
      ),
    UDP_PORT: port()
      .refine((value) => value > 0, 'must be a port from 1 to 65535: all nodes share it')
      .default(2222)
      .describe(
        "where broadcasts are heard; several nodes on one host share it. In mesh mode the node's own, exclusive port",
      ),
    UDP_UNICAST_PORT: port()
      .default(0)
      .describe("this node's own port for unicast (broadcast and multicast modes); 0 = any free one"),
    UDP_ADDRESS: anIPv4((text) => text === 'auto' || isIPv4(text), 'must be an IPv4 address, or auto')
      .optional()
      .describe(
        "directed broadcast address, or multicast group, of IPv4; `auto` = the only LAN interface's broadcast address, an error if there are several. An address of one host, such as this one's, is refused. Default 127.255.255.255 (this machine only), or group 239.255.22.22 in multicast mode",
      ),
    UDP_INTERFACE: anIPv4(
      (text) => isIPv4(text) && firstOctet(text) < FIRST_GROUP,
      'must be an IPv4 address of this machine',
    )
      .optional()
      .describe('IPv4 address of the interface to send from; empty: found by UDP_ADDRESS'),
    UDP_PEERS: list()
      .default([])
      .describe(
        'mesh mode: comma-separated host:port, or host:first-last for a host with several nodes; a DNS name may resolve to all peers, IPv4 only. The own address is ignored',
      ),
    UDP_DATAGRAM_BYTES: integer(508, 8900)
      .default(1200)
      .describe(
        'largest datagram that every path takes: at most the MTU less 28 bytes. To find out more is for UDP_DATAGRAM_BYTES_MAX',
      ),
    UDP_DATAGRAM_BYTES_MAX: integer(508, 32_768)
      .default(32_768)
      .describe(
        'largest datagram tried to a node whose path is found to take it, in IP fragments beyond the MTU. The same as UDP_DATAGRAM_BYTES: none is tried',
      ),
    UDP_RECEIVE_BUFFER_BYTES: integer(RECEIVE_BUFFER_BYTES_MIN, 1 << 30)
      .default(4_194_304)
      .describe('receive buffer asked of the kernel, read back, and warned about when less was granted'),
  },
  (values) => {
    const problems = [];
    const { UDP_MODE: mode, UDP_ADDRESS: address, UDP_PEERS: peers = [] } = values;
    const { UDP_DATAGRAM_BYTES: bytes, UDP_DATAGRAM_BYTES_MAX: bytesMax } = values;
    if (bytes !== undefined && bytesMax !== undefined && bytesMax < bytes) {
      problems.push({
        variable: 'UDP_DATAGRAM_BYTES_MAX',
        message: `must not be below UDP_DATAGRAM_BYTES (${bytes})`,
      });
    }
    if (address !== undefined && address !== 'auto') {
      const isGroup = firstOctet(address) >= FIRST_GROUP && firstOctet(address) < 240;
      if (mode === 'broadcast' && firstOctet(address) === 0) {
        // the kernel takes this address for this machine itself
        problems.push({ variable: 'UDP_ADDRESS', message: `${address} is no broadcast address` });
      }
      if (mode === 'multicast' && !isGroup) {
        problems.push({
          variable: 'UDP_ADDRESS',
          message: 'must be a multicast group (224.0.0.0 to 239.255.255.255)',
        });
      }
      if (mode === 'broadcast' && isGroup) {
        problems.push({ variable: 'UDP_ADDRESS', message: 'is a multicast group: set UDP_MODE=multicast' });
      }
    }
    if (mode === 'multicast' && address === 'auto') {
      problems.push({ variable: 'UDP_ADDRESS', message: 'auto is for broadcast; name a multicast group' });
    }
    if (peers.length > 0 && mode !== undefined && mode !== 'mesh') {
      problems.push({
        variable: 'UDP_PEERS',
        message: `is not looked at in mode ${mode}: set UDP_MODE=mesh`,
      });
    }
    for (const peer of peers) {
      if (parsePeer(peer) !== null) continue;
      const what = isOfIPv6(peer)
        ? IPV4_ONLY
        : 'is not host:port or host:first-last, with ports from 1 to 65535 and at most 128 of them';
      problems.push({ variable: 'UDP_PEERS', message: `"${peer.slice(0, 80)}" ${what}` });
    }
    return problems;
  },
);

/** Settings that keep a node from nodes on other hosts. Checked in production, on a bus that uses UDP. */
export function reachProblems(env: Environment): Problem[] {
  const { UDP_MODE: mode, UDP_ADDRESS: address, UDP_PEERS: peers } = udpBroadcastVariables.values(env);
  if (mode === 'broadcast' && (address?.startsWith('127.') ?? !env['UDP_ADDRESS'])) {
    const message =
      'a loopback address reaches no other host: set the broadcast address of your LAN, or auto';
    return [{ variable: 'UDP_ADDRESS', message }];
  }
  if (mode === 'mesh' && peers?.length === 0) {
    return [{ variable: 'UDP_PEERS', message: 'must be set in a mesh: without peers the node stays alone' }];
  }
  return [];
}

export const udpBroadcastConfig = registerAs('udpBroadcast', () => udpBroadcastVariables.parse(process.env));

/** The values of the variables. */
export type UdpSettings = ReturnType<typeof udpBroadcastVariables.parse>;
