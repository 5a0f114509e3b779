import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const FOLDERS = ['/usr/sbin', '/usr/bin', '/usr/local/bin'];
const RETRY_MS = 20;
const PATIENCE_MS = 10_000;

/** A real broker in a process of its own, on a free port of this machine. It keeps its port when it is started again. */
export class BrokerProcess {
  #child: ChildProcess | undefined;
  #output = '';
  readonly #folder = mkdtempSync(join(tmpdir(), 'lanfare-broker-'));

  private constructor(
    readonly program: 'nats-server' | 'redis-server',
    readonly port: number,
    private readonly config: readonly string[],
  ) {}

  /** The names of those that are not installed. */
  static missing(...programs: readonly string[]): string[] {
    return programs.filter((program) => !FOLDERS.some((folder) => existsSync(join(folder, program))));
  }

  /** @param config lines of a configuration file, beside those that say where it listens */
  static async start(
    program: 'nats-server' | 'redis-server',
    config: readonly string[] = [],
    port?: number,
  ): Promise<BrokerProcess> {
    const broker = new BrokerProcess(program, port ?? (await freePort()), config);
    await broker.start();
    return broker;
  }

  get pid(): number {
    return this.#child?.pid as number;
  }

  /** Everything written so far. */
  get output(): string {
    return this.#output;
  }

  async start(): Promise<void> {
    const file = join(this.#folder, 'config');
    const isNats = this.program === 'nats-server';
    const where = isNats
      ? [`listen: "127.0.0.1:${this.port}"`]
      : ['bind 127.0.0.1', `port ${this.port}`, 'save ""', 'appendonly no', `dir ${this.#folder}`];
    const isTls = this.config.some((line) => line.startsWith('tls-port'));
    writeFileSync(
      file,
      [...(isTls ? where.filter((line) => !line.startsWith('port')) : where), ...this.config, ''].join('\n'),
    );
    const child = spawn(this.program, isNats ? ['-c', file] : [file], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin` },
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => (this.#output += chunk.toString()));
    }
    const deadline = Date.now() + PATIENCE_MS;
    while (!(await isListening(this.port))) {
      if (child.exitCode !== null || Date.now() > deadline) {
        throw new Error(`${this.program} does not listen:\n${this.#output}`);
      }
      await delay(RETRY_MS);
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Resolves when the process is gone. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }

  async end(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

export async function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
