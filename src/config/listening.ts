import { once } from 'node:events';
import { createServer, isIPv6, type AddressInfo } from 'node:net';
import { ConfigurationError } from './variables.js';

/** Where a door listens, and the names of the variables that say so. */
export interface Doorway {
  readonly host: string;
  readonly port: number;
  readonly variables: { readonly host: string; readonly port: string };
}

/** The configuration error that a failure to listen stands for; null: it is an error of another kind. */
export function listenProblem(error: unknown, { host, port, variables }: Doorway): ConfigurationError | null {
  const { code = '', syscall = '' } = error as NodeJS.ErrnoException;
  if (!['listen', 'bind', 'getaddrinfo'].includes(syscall)) return null;
  const variable = code === 'EADDRINUSE' || code === 'EACCES' ? variables.port : variables.host;
  const where = hostAndPort(host, port);
  return new ConfigurationError([{ variable, message: `cannot listen on ${where} (${code})` }]);
}

/**
 * Finds out whether the address and port are free, by listening there for a moment. Nobody is served. Another process
 * may take them afterwards, so listening may still fail.
 *
 * @throws {ConfigurationError} naming the host's variable or the port's
 */
export async function assertFree(doorway: Doorway): Promise<void> {
  const server = createServer((socket) => socket.destroy());
  try {
    server.listen({ host: doorway.host, port: doorway.port, exclusive: true });
    await once(server, 'listening');
  } catch (error) {
    throw listenProblem(error, doorway) ?? error;
  }
  server.close();
  await once(server, 'close');
}

/** The address as a URL. 0.0.0.0 stays 0.0.0.0. */
export function urlOf({ address, port }: AddressInfo): string {
  return `http://${hostAndPort(address, port)}`;
}

function hostAndPort(host: string, port: number): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}
