import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { ConfigurationError, type Problem } from '../config/variables.js';

export interface Binding {
  readonly address: string;
  readonly port: number;
  /** The variable with the port. */
  readonly portVariable: 'UDP_PORT' | 'UDP_UNICAST_PORT';
  /** Several sockets of this host may have the port. Each gets what is sent to all. */
  readonly isShared: boolean;
}

/** @throws {ConfigurationError} when the port is taken or the address is not this machine's; names the variable */
export async function openSocket(binding: Binding): Promise<Socket> {
  const socket = createSocket({
    type: 'udp4',
    // never reusePort: it would spread unicast datagrams over the nodes of a host
    reuseAddr: binding.isShared,
    // addresses here are literals: without this every send waits a turn for dns.lookup
    lookup: (hostname, _options, callback) => callback(null, hostname, 4),
  });
  try {
    const listening = once(socket, 'listening');
    socket.bind({ port: binding.port, address: binding.address, exclusive: true });
    await listening;
    return socket;
  } catch (error) {
    socket.close();
    const problem = problemOf(binding, error as NodeJS.ErrnoException);
    throw problem === null ? error : new ConfigurationError([problem]);
  }
}

function problemOf(
  { address, port, portVariable }: Binding,
  { code }: NodeJS.ErrnoException,
): Problem | null {
  switch (code) {
    case 'EADDRINUSE':
      return {
        variable: portVariable,
        message: `port ${port} is taken (EADDRINUSE). If a node of this host has it, stop that one first, or give each its own`,
      };
    case 'EACCES':
      return { variable: portVariable, message: `port ${port} needs a privilege that this process has not` };
    case 'EADDRNOTAVAIL':
      return { variable: 'UDP_INTERFACE', message: `${address} is not an address of this machine` };
    default:
      return null;
  }
}
