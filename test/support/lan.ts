import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Environment } from '../../src/config/variables.js';
import { TestClient, V1 } from '../../src/testing/test-client.js';
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

/** LANs do not reach each other, so all can use the same value. */
export const UDP_PORT = '2222';
export const UNICAST_PORT = '2223';
const OPS_PORT = '9090';
/** The host's own address: clients stay connected when the cable is cut. */
const CLIENTS_ADDRESS = '127.0.0.1';
export const BROADCAST_ADDRESS = '10.77.0.255';

/** Begins with the process that made it, so that what is left of a run that was killed can be told. */
const NAMESPACE = /^lf(\d+)-/;

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
export class LanHost {
  node: NodeProcess | undefined;
  #dialer: Promise<ChildProcess> | undefined;
  #dials = 0;
  readonly #clients: TestClient[] = [];
  readonly #pending = new Map<
    number,
    { resolve: (socket: Socket) => void; reject: (error: Error) => void }
  >();

  constructor(
    readonly namespace: string,
    readonly address: string,
    private readonly cable: { readonly namespace: string; readonly device: string; readonly mtu: number },
  ) {}

  get command(): string[] {
    return ['ip', 'netns', 'exec', this.namespace];
  }

  run(...command: string[]): string {
    return execFileSync('ip', ['netns', 'exec', this.namespace, ...command], { stdio: 'pipe' }).toString();
  }

  /** Starts a node that is meant to fail. */
  launch(env: Environment): NodeProcess {
    return NodeProcess.launch(this.#environment(env), this.command);
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

  /**
   * Share of the frames that are lost on their way in, before the kernel joins fragments to datagrams; of all frames, or
   * of those that are fragments and not the first of their datagram. What is not whole is given up after a second.
   */
  loseFrames(share: number, which: 'all' | 'fragments' = 'all'): void {
    this.run('iptables', '-t', 'raw', '-F', 'PREROUTING');
    this.run('sysctl', '-q', '-w', 'net.ipv4.ipfrag_time=1');
    if (share === 0) return;
    const fragments = which === 'fragments' ? ['-f'] : [];
    const statistic = ['-m', 'statistic', '--mode', 'random', '--probability', String(share)];
    this.run(
      'iptables',
      '-t',
      'raw',
      '-A',
      'PREROUTING',
      '-p',
      'udp',
      ...fragments,
      ...statistic,
      '-j',
      'DROP',
    );
  }

  /** A counter of this host's kernel, as /proc/net/snmp names it. */
  kernelCount(group: string, name: string): number {
    const [names = [], values = []] = this.run('cat', '/proc/net/snmp')
      .split('\n')
      .filter((line) => line.startsWith(`${group}:`))
      .map((line) => line.split(' '));
    return Number(values[names.indexOf(name)]);
  }

  /** A firewall that lets one UDP port in, and no other. */
  passOnly(port: string): void {
    this.run('iptables', '-F', 'INPUT');
    this.run('iptables', '-A', 'INPUT', '-p', 'udp', '!', '--dport', port, '-j', 'DROP');
  }

  /** A new interface, as when a container is connected to its network. */
  plug(address = this.address): void {
    const { device } = this.cable;
    const mtu = String(this.cable.mtu);
    const there = ['peer', 'name', 'eth0', 'netns', this.namespace];
    this.#atSwitch('add', device, 'mtu', mtu, 'type', 'veth', ...there);
    this.#atSwitch('set', device, 'master', 'br0', 'up');
    this.run('ip', 'link', 'set', 'eth0', 'mtu', mtu);
    this.run('ip', 'addr', 'add', `${address}/24`, 'broadcast', '+', 'dev', 'eth0');
    this.run('ip', 'link', 'set', 'eth0', 'up');
  }

  /** By its only cable, as on a host that has a gateway: multicast needs it where no interface is named. */
  routeAll(): void {
    this.run('ip', 'route', 'add', 'default', 'dev', 'eth0');
  }

  /** Another address in place of the one it has, with its prefix. */
  readdress(address: string): void {
    this.run('ip', 'addr', 'flush', 'dev', 'eth0');
    this.run('ip', 'addr', 'add', address, 'broadcast', '+', 'dev', 'eth0');
  }

  /** Takes the interface out, and all that the kernel knew of it. */
  unplug(): void {
    this.run('ip', 'link', 'del', 'eth0');
  }

  /** Datagrams larger than this are lost on their way, and nobody is told. */
  narrowCable(mtu: number): void {
    this.#atSwitch('set', this.cable.device, 'mtu', String(mtu));
  }

  cutCable(): void {
    this.#atSwitch('set', this.cable.device, 'down');
  }

  mendCable(): void {
    this.#atSwitch('set', this.cable.device, 'up');
  }

  /** A client on this very host, with lanfare.v1.json, after its `ready`. */
  async connect(user: string): Promise<TestClient> {
    const port = (this.node as NodeProcess).port;
    const socket = await this.#dial(port);
    const url = `ws://${CLIENTS_ADDRESS}:${port}/chat?user_id=${user}`;
    const client = await TestClient.connect(url, [V1], { createConnection: () => socket });
    this.#clients.push(client);
    await client.next();
    return client;
  }

  /** The sum of a metric's lines that contain `labels`, as the node tells it now. */
  metric(name: string, labels: string): number {
    const url = `http://127.0.0.1:${OPS_PORT}/metrics`;
    const program = `fetch('${url}').then(async (response) => process.stdout.write(await response.text()))`;
    return this.run(process.execPath, '-e', program)
      .split('\n')
      .filter((line) => line.startsWith(name) && line.includes(labels))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }

  destroy(): void {
    for (const { socket } of this.#clients) socket.terminate();
    removeNamespace(this.namespace);
  }

  #environment(env: Environment): Environment {
    return {
      HOST: CLIENTS_ADDRESS,
      OPS_PORT,
      UDP_ADDRESS: BROADCAST_ADDRESS,
      UDP_INTERFACE: this.address,
      NODE_NAME: this.namespace,
      WS_MESSAGES_PER_SECOND: '0',
      WS_MAX_CONNECTIONS_PER_USER: '0',
      ...env,
      UDP_PORT,
      UDP_UNICAST_PORT: UNICAST_PORT,
    };
  }

  #atSwitch(...change: string[]): void {
    execFileSync('ip', ['-n', this.cable.namespace, 'link', ...change], { stdio: 'pipe' });
  }

  async #dial(port: number): Promise<Socket> {
    this.#dialer ??= this.#startDialer();
    const dialer = await this.#dialer;
    const id = (this.#dials += 1);
    const socket = new Promise<Socket>((resolve, reject) => this.#pending.set(id, { resolve, reject }));
    dialer.send({ id, port, host: CLIENTS_ADDRESS });
    return socket;
  }

  async #startDialer(): Promise<ChildProcess> {
    const [file, ...args] = [...this.command, process.execPath, '-e', DIALER];
    const dialer = spawn(file, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
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
  static #made = 0;
  readonly hosts: LanHost[] = [];
  readonly #prefix: string;
  readonly #switch: string;

  constructor(
    hosts: number,
    private readonly mtu = 1_500,
  ) {
    removeLeftOvers();
    Lan.#made += 1;
    this.#prefix = `lf${process.pid}-${Lan.#made}`;
    this.#switch = `${this.#prefix}-switch`;
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
    removeNamespace(this.#switch);
  }

  #addHost(index: number): void {
    const namespace = `${this.#prefix}-host${index}`;
    const address = `10.77.0.${index}`;
    const device = `cable${index}`;
    this.#ip('netns', 'add', namespace);
    this.#ip('-n', namespace, 'link', 'set', 'lo', 'up');
    const host = new LanHost(namespace, address, { namespace: this.#switch, device, mtu: this.mtu });
    host.plug();
    this.hosts.push(host);
  }

  #inSwitch(...args: string[]): void {
    this.#ip('-n', this.#switch, ...args);
  }

  #ip(...args: string[]): void {
    execFileSync('ip', args, { stdio: 'pipe' });
  }
}

/** Removes the namespaces, and the nodes in them, that killed runs have left. Those of live runs stay. */
function removeLeftOvers(): void {
  const listed = execFileSync('ip', ['netns', 'list'], { stdio: 'pipe' }).toString();
  for (const line of listed.split('\n')) {
    const [namespace = ''] = line.split(' ');
    const owner = NAMESPACE.exec(namespace)?.[1];
    if (owner === undefined || isAlive(Number(owner))) continue;
    removeNamespace(namespace);
  }
}

/** Removes a namespace, and ends what still runs in it: a process would keep the namespace. */
function removeNamespace(namespace: string): void {
  const pids = execFileSync('ip', ['netns', 'pids', namespace], { stdio: 'pipe' }).toString();
  for (const pid of pids.split('\n').filter((text) => text !== '')) {
    if (isAlive(Number(pid))) process.kill(Number(pid), 'SIGKILL');
  }
  execFileSync('ip', ['netns', 'del', namespace], { stdio: 'pipe' });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
