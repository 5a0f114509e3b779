import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Environment } from '../../src/config/variables.js';
import { TestClient, V1 } from './client.js';
import { nodeEnvironment } from './environment.js';
import { NodeProcess } from './node-process.js';

/** Why a LAN can't be built here; null: it can. */
export function lanImpediment(): string | null {
  if (process.platform !== 'linux') return 'network namespaces are a feature of Linux';
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  try {
    execFileSync('ip', ['netns', 'list'], { stdio: 'pipe' });
    execFileSync('iptables', ['--version'], { stdio: 'pipe' });
    return null;
  } catch (error) {
    return `ip and iptables are needed: ${(error as Error).message}`;
  }
}

/** Every LAN is alone in the world: the default will do. */
const UDP_PORT = '2222';

/** Connects TCP inside the namespace, and passes the open socket on: a socket stays where it was made. */
const DIALER = `
  const { connect } = require('node:net');
  process.on('message', ({ id, port, host }) => {
    const socket = connect({ port, host, pauseOnConnect: true });
    socket.once('connect', () => process.send({ id }, socket));
    socket.once('error', (error) => process.send({ id, error: error.message }));
  });
  process.on('disconnect', () => process.exit());
  process.send({ ready: true });
`;

/** One host of the LAN: a network namespace with a cable to the switch. */
class LanHost {
  node: NodeProcess | undefined;
  #dialer: Promise<ChildProcess> | undefined;
  #dialerProcess: ChildProcess | undefined;
  #dials = 0;
  readonly #clients: TestClient[] = [];
  readonly #pending = new Map<
    number,
    { resolve: (socket: Socket) => void; reject: (error: Error) => void }
  >();

  constructor(
    readonly namespace: string,
    readonly address: string,
    private readonly cable: { readonly namespace: string; readonly device: string },
  ) {}

  get command(): string[] {
    return ['ip', 'netns', 'exec', this.namespace];
  }

  run(...command: string[]): void {
    execFileSync('ip', ['netns', 'exec', this.namespace, ...command], { stdio: 'pipe' });
  }

  async start(env: Environment): Promise<NodeProcess> {
    this.node = await NodeProcess.start(this.#environment(env), this.command);
    return this.node;
  }

  /** `npm run doctor` on this host, to its end. */
  async diagnose(env: Environment, ...args: string[]): Promise<{ exitCode: unknown; output: string }> {
    const [file, ...before] = [...this.command, process.execPath, 'dist/commands/doctor.js'];
    const options = {
      env: {
        PATH: process.env['PATH'],
        ENV_FILE: '/dev/null',
        ...nodeEnvironment,
        ...this.#environment(env),
      },
    };
    return new Promise((resolve) => {
      execFile(file, [...before, ...args], options, (error, stdout, stderr) =>
        resolve({ exitCode: error?.code ?? 0, output: stdout + stderr }),
      );
    });
  }

  /** Share of the UDP datagrams that the kernel throws away before the node sees them. */
  lose(share: number): void {
    this.run('iptables', '-F', 'INPUT');
    if (share === 0) return;
    const statistic = ['-m', 'statistic', '--mode', 'random', '--probability', String(share)];
    this.run('iptables', '-A', 'INPUT', '-p', 'udp', ...statistic, '-j', 'DROP');
  }

  /** What is larger than this gets lost on its way, without a word. */
  narrowCable(mtu: number): void {
    this.#setCable('mtu', String(mtu));
  }

  cutCable(): void {
    this.#setCable('down');
  }

  mendCable(): void {
    this.#setCable('up');
  }

  /** A client on this very host, with lanfare.v1.json, after its `ready`. */
  async connect(user: string): Promise<TestClient> {
    const port = (this.node as NodeProcess).port;
    const socket = await this.#dial(port);
    const url = `ws://${this.address}:${port}/chat?user_id=${user}`;
    const client = await TestClient.connect(url, [V1], { createConnection: () => socket });
    this.#clients.push(client);
    await client.next();
    return client;
  }

  destroy(): void {
    for (const { socket } of this.#clients) socket.terminate();
    this.node?.signal('SIGKILL');
    this.#dialerProcess?.kill('SIGKILL');
    execFileSync('ip', ['netns', 'del', this.namespace], { stdio: 'pipe' });
  }

  #environment(env: Environment): Environment {
    return {
      HOST: this.address,
      UDP_ADDRESS: '10.77.0.255',
      UDP_INTERFACE: this.address,
      NODE_NAME: this.namespace,
      WS_MESSAGES_PER_SECOND: '0',
      WS_MAX_CONNECTIONS_PER_USER: '0',
      ...env,
      UDP_PORT: UDP_PORT,
    };
  }

  #setCable(...change: string[]): void {
    const { namespace, device } = this.cable;
    execFileSync('ip', ['-n', namespace, 'link', 'set', device, ...change], { stdio: 'pipe' });
  }

  async #dial(port: number): Promise<Socket> {
    this.#dialer ??= this.#startDialer();
    const dialer = await this.#dialer;
    const id = (this.#dials += 1);
    const socket = new Promise<Socket>((resolve, reject) => this.#pending.set(id, { resolve, reject }));
    dialer.send({ id, port, host: this.address });
    return socket;
  }

  async #startDialer(): Promise<ChildProcess> {
    const [file, ...args] = [...this.command, process.execPath, '-e', DIALER];
    const dialer = spawn(file, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#dialerProcess = dialer;
    await once(dialer, 'message');
    dialer.on('message', ({ id, error }: { id: number; error?: string }, socket: unknown) => {
      const pending = this.#pending.get(id);
      this.#pending.delete(id);
      if (error === undefined) pending?.resolve(socket as Socket);
      else pending?.reject(new Error(error));
    });
    return dialer;
  }
}

/**
 * Hosts in network namespaces of their own, cabled to one switch (a bridge in a namespace of its own): separate kernels'
 * sockets, real broadcast, cables that can be cut. Nothing of it is visible outside; 10.77.0.0/24 exists only inside.
 */
export class Lan {
  readonly hosts: LanHost[] = [];
  readonly #id = randomBytes(2).toString('hex');
  readonly #switch = `lf${this.#id}-switch`;

  constructor(hosts: number) {
    this.#ip('netns', 'add', this.#switch);
    this.#inSwitch('link', 'add', 'br0', 'type', 'bridge');
    this.#inSwitch('link', 'set', 'br0', 'up');
    for (let index = 1; index <= hosts; index += 1) this.#addHost(index);
  }

  host(index: number): LanHost {
    return this.hosts[index] as LanHost;
  }

  destroy(): void {
    for (const host of this.hosts) host.destroy();
    this.#ip('netns', 'del', this.#switch);
  }

  #addHost(index: number): void {
    const namespace = `lf${this.#id}-host${index}`;
    const address = `10.77.0.${index}`;
    const device = `cable${index}`;
    this.#ip('netns', 'add', namespace);
    this.#inSwitch('link', 'add', device, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace);
    this.#inSwitch('link', 'set', device, 'master', 'br0', 'up');
    this.#ip('-n', namespace, 'addr', 'add', `${address}/24`, 'broadcast', '10.77.0.255', 'dev', 'eth0');
    this.#ip('-n', namespace, 'link', 'set', 'eth0', 'up');
    this.#ip('-n', namespace, 'link', 'set', 'lo', 'up');
    this.hosts.push(new LanHost(namespace, address, { namespace: this.#switch, device }));
  }

  #inSwitch(...args: string[]): void {
    this.#ip('-n', this.#switch, ...args);
  }

  #ip(...args: string[]): void {
    execFileSync('ip', args, { stdio: 'pipe' });
  }
}
