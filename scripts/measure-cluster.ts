/**
 * Whole nodes on this machine's loopback: what an idle node of a cluster of 8 costs, and what a message between the same
 * two nodes costs all servers together with 0, 2 and 6 bystanders, by the directory (udp) and by broadcasting to all
 * (plain). CPU is read from /proc: it is the nodes' own, whatever else the machine does.
 *
 * Needs a build (npm run build).
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';

const MESSAGES = 40_000;
const PER_TURN = 20;
const TALKERS = 10;
/** No faster than they arrive, or one bus would be measured at another load than the other. */
const AHEAD_MAX = 400;
const PATIENCE_MS = 100;

interface Node {
  readonly child: ChildProcess;
  readonly port: number;
}

async function startNode(env: Record<string, string>): Promise<Node> {
  const child = spawn(process.execPath, ['dist/main.js'], {
    env: {
      PATH: process.env['PATH'],
      ENV_FILE: '/dev/null',
      HOST: '127.0.0.1',
      PORT: '0',
      OPS_PORT: '0',
      AUTH_MODE: 'insecure',
      WS_ALLOWED_ORIGINS: '*',
      WS_MESSAGES_PER_SECOND: '0',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  const port = await new Promise<number>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      const found = /Serving on http:\/\/[^:]+:(\d+)/.exec(output);
      if (found !== null) resolve(Number(found[1]));
    });
    child.on('exit', () => reject(new Error(`a node did not start: ${output}`)));
  });
  return { child, port };
}

async function startCluster(nodes: number, bus: string): Promise<Node[]> {
  const env = {
    CLUSTER_BUS: bus,
    CLUSTER_NAME: randomBytes(6).toString('hex'),
    CLUSTER_SECRET: randomBytes(32).toString('hex'),
    UDP_PORT: String(10_000 + Math.floor(Math.random() * 20_000)),
  };
  const started: Node[] = [];
  for (let node = 0; node < nodes; node += 1)
    started.push(await startNode({ ...env, NODE_NAME: `n${node}` }));
  return started;
}

async function stopCluster(nodes: readonly Node[]): Promise<void> {
  await Promise.all(
    nodes.map(async ({ child }) => {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }),
  );
}

/** Time the nodes' threads have had a CPU so far, in milliseconds: the scheduler's own count, not samples of it. */
function cpuMs(nodes: readonly Node[]): number {
  let nanoseconds = 0;
  for (const { child } of nodes) {
    for (const thread of readdirSync(`/proc/${child.pid}/task`)) {
      const spent = readFileSync(`/proc/${child.pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0];
      nanoseconds += Number(spent);
    }
  }
  return nanoseconds / 1e6;
}

async function connect({ port }: Node, user: string): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/chat?user_id=${user}`);
  await once(socket, 'open');
  return socket;
}

/** Waits a moment at most: a bus that loses messages never gets there. */
async function untilReceived(counts: { readonly received: number }, enough: number): Promise<void> {
  for (let waited = 0; counts.received < enough && waited < PATIENCE_MS; waited += 1) await sleep(1);
}

/** Ten users of the first node talk to ten of the second; returns microseconds of CPU a message, of all nodes and of bystanders. */
async function talk(nodes: readonly Node[]): Promise<{ all: number; bystanders: number }> {
  const [a, b, ...bystanders] = nodes as [Node, Node, ...Node[]];
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
    if (bus === 'udp' && bystanders === 6) {
      await sleep(3_000);
      const before = cpuMs(nodes);
      const seconds = 20;
      await sleep(seconds * 1_000);
      const share = (cpuMs(nodes) - before) / nodes.length / (seconds * 1_000);
      process.stdout.write(`an idle cluster of 8: ${(share * 100).toFixed(2)}% of a core a node\n`);
    }
    await stopCluster(nodes);
  }
}
