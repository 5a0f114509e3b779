/**
 * Shows that connections leave no memory behind. 100,000 clients connect to a node in a process of its own and disconnect.
 * Prints the node's resident memory after each tenth of them. Run it after `npm run build`:
 *
 *     npm run leak-check
 *
 * Exits with 1 when the memory grew in the second half by more than NOISE_BYTES.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { COLLECTING, CollectedMemory } from './collected-memory.js';
import { NodeProcess } from '../test/support/node-process.js';

const CONNECTIONS = 100_000;
const AT_ONCE = 100;
const STEPS = 10;
/** V8 and malloc vary by some MB. A leak of one small object for each connection would be 5 MB, a leak of a socket 250 MB. */
const NOISE_BYTES = 4_000_000;

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const CLOSE_1000 = Buffer.from('88820000000003e8', 'hex');

/** One connection of a user of its own, which is closed properly. It uses raw TCP, so that the client is fast enough. */
async function visit(port: number, user: number): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1', localAddress: `127.0.0.${2 + (user % 50)}` });
  socket.write(
    `GET /chat?user_id=${user} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n\r\n`,
  );
  const [head] = (await once(socket, 'data')) as [Buffer];
  if (!head.toString('latin1').startsWith('HTTP/1.1 101')) throw new Error(head.toString('latin1'));
  socket.write(CLOSE_1000);
  socket.resume();
  await once(socket, 'close');
}

const node = await NodeProcess.start({ CLUSTER_BUS: 'none', ...COLLECTING });
const memory = new CollectedMemory(node);

const measured: number[] = [];
for (let step = 0; step < STEPS; step++) {
  const from = (step * CONNECTIONS) / STEPS;
  for (let user = from; user < from + CONNECTIONS / STEPS; user += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, async (_, index) => visit(node.port, user + index)));
  }
  measured.push(await memory.residentBytes());
  process.stdout.write(
    `${from + CONNECTIONS / STEPS} connections: ${((measured.at(-1) as number) / 1e6).toFixed(1)} MB resident\n`,
  );
}
await node.stop();

const growth = (measured.at(-1) as number) - (measured[STEPS / 2 - 1] as number);
process.stdout.write(`second half: ${growth >= 0 ? '+' : ''}${(growth / 1e6).toFixed(1)} MB\n`);
process.exit(growth > NOISE_BYTES ? 1 : 0);
