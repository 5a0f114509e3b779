/**
 * Measures what a message between two nodes costs all nodes together, with 0, 2 and 6 bystanders: by the directory (udp),
 * and by broadcasting to all (plain). The nodes are whole ones, on loopback. Their CPU time is read from /proc, so other
 * programs on the machine do not count.
 *
 * Needs a build (npm run build).
 */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { clusterEnvironment } from '../test/support/environment.js';
import { NodeProcess } from '../test/support/node-process.js';
import { processCpuMs } from './measuring.js';

const MESSAGES = 40_000;
const PER_TURN = 20;
const TALKERS = 10;
/** Messages are not sent faster than they arrive, so that both buses are measured at the same load. */
const AHEAD_MAX = 400;
const PATIENCE_MS = 100;

async function startCluster(count: number, bus: string): Promise<NodeProcess[]> {
  const env = clusterEnvironment({ CLUSTER_BUS: bus, WS_MESSAGES_PER_SECOND: '0' });
  const nodes: NodeProcess[] = [];
  for (let node = 0; node < count; node += 1)
    nodes.push(await NodeProcess.start({ ...env, NODE_NAME: `n${node}` }));
  return nodes;
}

async function stopCluster(nodes: readonly NodeProcess[]): Promise<void> {
  await Promise.all(
    nodes.map(async (node) => {
      node.signal('SIGKILL');
      await node.exited();
    }),
  );
}

function cpuMs(nodes: readonly NodeProcess[]): number {
  return nodes.reduce((sum, { pid }) => sum + processCpuMs(pid), 0);
}

async function connect(node: NodeProcess, user: string): Promise<WebSocket> {
  const socket = new WebSocket(node.url(`user_id=${user}`));
  await once(socket, 'open');
  return socket;
}

/** Waits for a short time at most. With a bus that loses messages the condition may never hold. */
async function untilReceived(counts: { readonly received: number }, enough: number): Promise<void> {
  for (let waited = 0; counts.received < enough && waited < PATIENCE_MS; waited += 1) await sleep(1);
}

/** Ten users of the first node send to ten of the second. Returns microseconds of CPU for a message: of all nodes, and of the bystanders. */
async function talk(nodes: readonly NodeProcess[]): Promise<{ all: number; bystanders: number }> {
  const [a, b, ...bystanders] = nodes as [NodeProcess, NodeProcess, ...NodeProcess[]];
  const senders = await Promise.all(
    Array.from({ length: TALKERS }, async (_, user) => connect(a, `s${user}`)),
  );
  const receivers = await Promise.all(
    Array.from({ length: TALKERS }, async (_, user) => connect(b, `r${user}`)),
  );
  const counts = { received: 0 };
  for (const receiver of receivers) receiver.on('message', () => (counts.received += 1));
  await sleep(1_000);
  const before = { all: cpuMs(nodes), bystanders: cpuMs(bystanders) };
  const frames = receivers.map((_, user) => JSON.stringify({ user_id: `r${user}`, data: 'x'.repeat(80) }));
  for (let sent = 0; sent < MESSAGES;) {
    for (let index = 0; index < PER_TURN; index += 1, sent += 1) {
      (senders[sent % TALKERS] as WebSocket).send(frames[sent % TALKERS] as string);
    }
    await untilReceived(counts, sent - AHEAD_MAX);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await untilReceived(counts, MESSAGES);
  const spent = { all: cpuMs(nodes) - before.all, bystanders: cpuMs(bystanders) - before.bystanders };
  for (const socket of [...senders, ...receivers]) socket.terminate();
  return {
    all: (spent.all * 1_000) / counts.received,
    bystanders: (spent.bystanders * 1_000) / counts.received,
  };
}

for (const bus of ['udp', 'plain']) {
  for (const bystanders of [0, 2, 6]) {
    const nodes = await startCluster(2 + bystanders, bus);
    await talk(nodes);
    const { all, bystanders: theirs } = await talk(nodes);
    process.stdout.write(
      `${bus}, ${bystanders} bystanders: ${all.toFixed(1)} us of server CPU a message, of it bystanders ${theirs.toFixed(1)}\n`,
    );
    await stopCluster(nodes);
  }
}
