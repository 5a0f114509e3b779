/**
 * npm run demo:lan: three nodes. One datagram in five between them is dropped, and one node is killed. It prints what
 * happens. It needs no privilege: the lossy LAN is a relay on loopback.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { LossyRelay } from './lossy-relay.js';

const LOSS_RATE = 0.2;
const MESSAGES = 500;
const started = performance.now();

interface Ack {
  readonly id: number;
  readonly event: string;
  readonly data: { readonly delivered?: number; readonly complete?: boolean; readonly code?: string };
}

function say(line: string): void {
  const seconds = ((performance.now() - started) / 1_000).toFixed(2).padStart(6);
  process.stdout.write(`${seconds} s  ${line}\n`);
}

class DemoNode {
  #child: ChildProcess | undefined;
  port = 0;

  constructor(
    readonly name: string,
    private readonly env: Record<string, string>,
  ) {}

  async start(): Promise<void> {
    const child = spawn(process.execPath, ['dist/main.js'], {
      env: { PATH: process.env['PATH'], ENV_FILE: '/dev/null', NO_COLOR: '1', ...this.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    this.port = await new Promise<number>((resolve, reject) => {
      const read = (chunk: Buffer): void => {
        for (const line of chunk.toString().split('\n')) this.#tell(line);
        const found = /Serving on http:\/\/[^:]+:(\d+)/.exec(chunk.toString());
        if (found !== null) resolve(Number(found[1]));
      };
      child.stdout.on('data', read);
      child.stderr.on('data', read);
      child.on('exit', () => reject(new Error(`${this.name} did not start`)));
    });
  }

  kill(): void {
    this.#child?.kill('SIGKILL');
  }

  /** Prints what the node logs about its peers and about deliveries that it could not promise. */
  #tell(line: string): void {
    const found = /\[Cluster\]\s*(.*)$/.exec(line);
    if (found !== null) say(`   ${this.name}: ${found[1] as string}`);
  }
}

class DemoClient {
  readonly received: number[] = [];
  readonly acks = new Map<number, Ack>();

  private constructor(readonly socket: WebSocket) {
    socket.on('message', (bytes: Buffer) => {
      const frame = JSON.parse(bytes.toString()) as Ack & { data: { data: number } };
      if (frame.event === 'message') this.received.push(frame.data.data);
      else if (frame.event === 'ack' || frame.event === 'error') this.acks.set(frame.id, frame);
    });
    socket.on('error', () => undefined);
  }

  static async connect(node: DemoNode, user: string): Promise<DemoClient> {
    const socket = new WebSocket(`ws://127.0.0.1:${node.port}/chat?user_id=${user}`, ['lanfare.v1.json']);
    const client = new DemoClient(socket);
    await once(socket, 'open');
    return client;
  }

  async send(to: string, id: number): Promise<{ ack: Ack; ms: number }> {
    const sentAt = performance.now();
    this.socket.send(JSON.stringify({ user_id: to, id, data: id }));
    while (!this.acks.has(id)) await sleep(1);
    return { ack: this.acks.get(id) as Ack, ms: performance.now() - sentAt };
  }
}

/** This many UDP ports that are free now. */
async function freePorts(count: number): Promise<number[]> {
  const sockets = Array.from({ length: count }, () => createSocket('udp4'));
  await Promise.all(
    sockets.map(async (socket) => {
      socket.bind(0, '127.0.0.1');
      await once(socket, 'listening');
    }),
  );
  const ports = sockets.map((socket) => socket.address().port);
  for (const socket of sockets) socket.close();
  return ports;
}

function describeArrivals(received: readonly number[], expected: number): string {
  const isInOrder = received.every(
    (number, index) => index === 0 || number > (received[index - 1] as number),
  );
  const doubled = received.length - new Set(received).size;
  return `${received.length} of ${expected} messages, ${doubled} doubled, ${isInOrder ? 'in order' : 'OUT OF ORDER'}`;
}

const ports = await freePorts(3);
const relay = await LossyRelay.start(ports);
const secret = randomBytes(32).toString('hex');
const nodes = ports.map(
  (port, index) =>
    new DemoNode(`node-${index + 1}`, {
      NODE_NAME: `node-${index + 1}`,
      HOST: '127.0.0.1',
      PORT: '0',
      OPS_PORT: '0',
      AUTH_MODE: 'insecure',
      WS_ALLOWED_ORIGINS: '*',
      WS_MESSAGES_PER_SECOND: '0',
      CLUSTER_SECRET: secret,
      UDP_MODE: 'mesh',
      UDP_INTERFACE: '127.0.0.1',
      UDP_PORT: String(port),
      UDP_PEERS: relay.peersOf(index),
    }),
);
const [one, two, three] = nodes as [DemoNode, DemoNode, DemoNode];

try {
  say('Starting three nodes.');
  await Promise.all(nodes.map(async (node) => node.start()));

  say(`From now on ${LOSS_RATE * 100}% of all datagrams between the nodes are dropped.`);
  relay.lossRate = LOSS_RATE;
  const ann = await DemoClient.connect(one, 'ann');
  const phone = await DemoClient.connect(two, 'bob');
  const laptop = await DemoClient.connect(three, 'bob');
  say('Ann is on node-1; Bob has a phone on node-2 and a laptop on node-3.');

  const before = relay.dropped;
  const times: number[] = [];
  for (let id = 1; id <= MESSAGES; id += 10) {
    const batch = Array.from({ length: 10 }, async (_, index) => ann.send('bob', id + index));
    for (const { ms } of await Promise.all(batch)) times.push(ms);
  }
  times.sort((a, b) => a - b);
  const incomplete = [...ann.acks.values()].filter(
    ({ data }) => data.delivered !== 2 || data.complete !== true,
  );
  say(`Ann has sent Bob ${MESSAGES} messages; ${relay.dropped - before} datagrams were dropped meanwhile.`);
  say(`   Bob's phone:  ${describeArrivals(phone.received, MESSAGES)}`);
  say(`   Bob's laptop: ${describeArrivals(laptop.received, MESSAGES)}`);
  say(
    `   acks saying less than "2 devices, complete": ${incomplete.length}; ` +
      `time to the ack: half within ${(times[MESSAGES / 2] as number).toFixed(0)} ms, 99% within ${(times[Math.floor(MESSAGES * 0.99)] as number).toFixed(0)} ms`,
  );

  say('kill -9 of node-2, which holds the phone.');
  two.kill();
  const killedAt = performance.now();
  await once(phone.socket, 'close');
  const again = await DemoClient.connect(three, 'bob');
  say(`Bob's phone is back, on node-3, after ${(performance.now() - killedAt).toFixed(0)} ms.`);
  let last = '';
  for (let id = MESSAGES + 1; ; id += 1) {
    const { ack, ms } = await ann.send('bob', id);
    const words = `${ack.data.delivered ?? 0} devices, ${ack.data.complete === true ? 'complete' : 'not complete (node-2 may have held more)'}`;
    if (words !== last) say(`   Ann sends; the ack after ${ms.toFixed(0)} ms: ${words}`);
    last = words;
    if (ack.data.complete === true) break;
    await sleep(20);
  }
  const missed = [...ann.acks.keys()].filter((id) => id > MESSAGES && !again.received.includes(id));
  say(`   of what Ann sent since, the phone has missed ${missed.length} messages.`);

  say('Starting node-2 again.');
  await two.start();
  const other = await DemoClient.connect(two, 'eve');
  const { ack } = await other.send('bob', 1);
  say(
    `   Eve, on node-2, sends Bob a message: ${ack.data.delivered} devices, complete: ${ack.data.complete}.`,
  );
  say(`In all ${relay.carried} datagrams were carried and ${relay.dropped} dropped.`);
} finally {
  for (const node of nodes) node.kill();
  relay.close();
}
process.exit(0);
