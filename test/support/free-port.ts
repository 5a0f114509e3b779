import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';

/** A port that was free a moment ago, and the server that holds it now. */
export async function takePort(): Promise<{ port: string; server: Server }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: String((server.address() as AddressInfo).port), server };
}

/** For what must be told its port: one that was free a moment ago. */
export async function freePort(): Promise<string> {
  const { port, server } = await takePort();
  server.close();
  await once(server, 'close');
  return port;
}
