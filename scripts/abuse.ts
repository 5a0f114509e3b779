/**
 * Measures what strangers can do to a node, and what that costs other clients. A node runs in a process of its own. A
 * well-behaved pair writes all the time, while one attack follows another. Prints the pair's latency before, during and
 * after each attack, and the node's memory without garbage. Exits with 1 when messages of the pair were lost, or when the
 * memory stays higher after an attack.
 *
 *     npm run abuse
 */
import { once, setMaxListeners } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { NodeProcess } from '../test/support/node-process.js';
import { COLLECTING, CollectedMemory } from './collected-memory.js';
import { clientFrame, handshake } from '../test/support/raw-client.js';

const PHASE_MS = 5000;
const QUIET_MS = 3000;
/** V8 and malloc keep some pages that they needed before. */
const MEMORY_NOISE_BYTES = 48_000_000;

const DEAF = 4;
const TEXT = 1;
const PING = 9;

interface Node {
  readonly port: number;
}

type Attack = (node: Node, stop: AbortSignal) => Promise<string>;

const attacks: Readonly<Record<string, Attack>> = {
  '5,000 half-open handshakes': halfOpen,
  slowloris,
  'clients that never read': neverRead,
  'floods of frames': async (node, stop) =>
    flood(node, stop, clientFrame(TEXT, '{"user_id":"flooded","data":"x","id":1}')),
  'floods of bad frames': async (node, stop) => flood(node, stop, clientFrame(TEXT, '['.repeat(1000))),
  'floods of pings': async (node, stop) => flood(node, stop, clientFrame(PING, 'x'.repeat(125))),
  'floods of tiny fragments': async (node, stop) =>
    flood(
      node,
      stop,
      Buffer.concat([
        clientFrame(TEXT, '{', { fin: false }),
        ...Array.from({ length: 100 }, () => clientFrame(0, ' ', { fin: false })),
        clientFrame(0, '}'),
      ]),
    ),
};

async function main(): Promise<boolean> {
  const node = await NodeProcess.start({
    CLUSTER_BUS: 'none',
    WS_HANDSHAKE_TIMEOUT_MS: '3000',
    ...COLLECTING,
  });
  const memory = new CollectedMemory(node);
  const pair = new Worker(new URL('well-behaved-pair.js', import.meta.url), {
    workerData: { port: node.port },
  });
  await once(pair, 'message');
  let isFine = true;

  await measure(pair, delay(QUIET_MS)); // warm-up
  const before = await memory.residentBytes();
  print('before', await measure(pair, delay(PHASE_MS)), before, '');
  for (const [name, attack] of Object.entries(attacks)) {
    const stop = AbortSignal.timeout(PHASE_MS);
    setMaxListeners(0, stop);
    const attacking = attack(node, stop);
    const during = await measure(pair, attacking);
    print(name, during, await memory.residentBytes(), await attacking);
    isFine &&= during.lost === 0;
  }
  await measure(pair, delay(2 * QUIET_MS));
  const after = await measure(pair, delay(PHASE_MS));
  const resident = await memory.residentBytes();
  print('after', after, resident, '');
  isFine &&= after.lost === 0 && resident - before < MEMORY_NOISE_BYTES;
  await pair.terminate();
  await node.stop();
  return isFine;
}

interface Latencies {
  readonly count: number;
  readonly lost: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** The pair's latencies until `meanwhile` has settled. */
async function measure(pair: Worker, meanwhile: Promise<unknown>): Promise<Latencies> {
  await ask(pair);
  await meanwhile;
  const { sent, latencies } = await ask(pair);
  const sorted = latencies.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
  // some messages are always in flight
  const missing = sent - latencies.length;
  return { count: sorted.length, lost: missing > 50 ? missing : 0, p50: at(0.5), p99: at(0.99), max: at(1) };
}

async function ask(pair: Worker): Promise<{ sent: number; latencies: number[] }> {
  const answer = once(pair, 'message');
  pair.postMessage('report', []);
  return ((await answer) as [{ sent: number; latencies: number[] }])[0];
}

function print(phase: string, { count, lost, p50, p99, max }: Latencies, memory: number, note: string): void {
  process.stdout.write(
    `${phase.padEnd(27)} ${String(count).padStart(4)} messages, ${lost} lost, ` +
      `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, max ${max.toFixed(1)} ms, ` +
      `${(memory / 1e6).toFixed(0)} MB${note === '' ? '' : `  (${note})`}\n`,
  );
}

function open(node: Node): Socket {
  const socket = connect(node.port, '127.0.0.1');
  socket.on('error', () => undefined);
  return socket;
}

/** Half of the connections are dropped at once. The others stay until the node ends them. */
async function halfOpen(node: Node, stop: AbortSignal): Promise<string> {
  const request = handshake('/chat?user_id=half').slice(0, -2);
  const ended: Promise<unknown>[] = [];
  for (let opened = 0; opened < 5000; opened++) {
    const socket = open(node);
    socket.write(request);
    socket.resume();
    if (opened % 2 === 0) socket.once('connect', () => socket.destroy());
    else ended.push(new Promise((resolve) => socket.once('close', resolve)));
    if (opened % 100 === 0) await delay(20);
  }
  await Promise.all([...ended, aborted(stop)]);
  return `${ended.length} ended by the node`;
}

async function slowloris(node: Node, stop: AbortSignal): Promise<string> {
  let ended = 0;
  const sockets = Array.from({ length: 500 }, () => {
    const socket = open(node);
    socket.write('GET /chat?user_id=slow HTTP/1.1\r\nHost: x\r\nX-Slow: ');
    socket.resume();
    socket.once('close', () => ended++);
    return socket;
  });
  while (!stop.aborted) {
    for (const socket of sockets) if (socket.writable) socket.write('x');
    await delay(200);
  }
  for (const socket of sockets) socket.destroy();
  return `${ended} of 500 ended by the node`;
}

async function neverRead(node: Node, stop: AbortSignal): Promise<string> {
  let ended = 0;
  const victims: Socket[] = [];
  for (let id = 0; id < DEAF; id++) {
    const socket = await upgraded(node, `deaf${id}`);
    socket.pause();
    socket.once('close', () => ended++);
    victims.push(socket);
  }
  const writer = await upgraded(node, 'writer to the deaf');
  const text = 'x'.repeat(60_000);
  for (let sent = 0; !stop.aborted; sent++) {
    writer.write(clientFrame(TEXT, `{"user_id":"deaf${sent % DEAF}","data":"${text}"}`));
    await delay(6); // below its own rate
  }
  for (const socket of [writer, ...victims]) socket.destroy();
  return `${DEAF} deaf clients, ${ended} cut by then`;
}

/** Eight clients write the same bytes as fast as they can. They connect again when the node closes them. */
async function flood(node: Node, stop: AbortSignal, bytes: Buffer): Promise<string> {
  let thrownOut = 0;
  const batch = Buffer.concat(Array.from({ length: Math.ceil(8192 / bytes.length) }, () => bytes));
  const attack = async (id: number) => {
    while (!stop.aborted) {
      const socket = await upgraded(node, `flooder${id}`);
      socket.resume();
      const closed = new Promise((resolve) => socket.once('close', resolve));
      const write = () => {
        while (!socket.destroyed && socket.writable && socket.write(batch));
      };
      socket.on('drain', write);
      // the node ends the connection after its close frame; until then it is flooded
      socket.once('end', () => socket.destroy());
      write();
      await Promise.race([closed, aborted(stop)]);
      if (!stop.aborted) thrownOut++;
      socket.destroy();
    }
  };
  await Promise.all(Array.from({ length: 8 }, async (_, id) => attack(id)));
  return `thrown out ${thrownOut} times`;
}

async function upgraded(node: Node, user: string): Promise<Socket> {
  const socket = open(node);
  socket.write(handshake(`/chat?user_id=${encodeURIComponent(user)}`));
  await once(socket, 'data');
  return socket;
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}

process.exit((await main()) ? 0 : 1);
