import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Environment } from '../../src/config/variables.js';
import { clusterEnvironment } from '../../test/support/environment.js';
import { freePort } from '../../test/support/free-port.js';
import { NodeProcess } from '../../test/support/node-process.js';
import { processCpuMs } from '../measuring.js';

export interface FleetNode {
  readonly name: string;
  readonly process: NodeProcess;
  readonly operationsPort: string;
}

/** The nodes of one cluster on this machine: sealed, with tokens, each in a process of its own. */
export class Fleet {
  readonly secret = randomBytes(32).toString('hex');
  readonly nodes: FleetNode[] = [];
  readonly #environment: Environment;
  /** CPU of nodes that have ended. */
  #endedCpuMs = 0;
  #started = 0;

  /**
   * @param command what the nodes are started with
   * @param youngMb V8's young generation is twice that; left to itself it takes 128 MB of each node
   */
  constructor(
    private readonly command: readonly string[],
    { heartbeats, youngMb }: { readonly heartbeats: boolean; readonly youngMb: number },
  ) {
    this.#environment = clusterEnvironment({
      NODE_OPTIONS: `--max-semi-space-size=${youngMb}`,
      AUTH_MODE: 'jwt',
      AUTH_JWT_SECRET: this.secret,
      ROOM_ACCESS: 'open',
      WS_MESSAGES_PER_SECOND: '0',
      ...(!heartbeats && { WS_PING_INTERVAL_MS: '0' }),
    });
  }

  get ports(): number[] {
    return this.nodes.map(({ process }) => process.port);
  }

  /** Starts one more, and waits until it serves. */
  async start(): Promise<FleetNode> {
    this.#started += 1;
    const name = `n${this.#started}`;
    const operationsPort = await freePort();
    const process = await NodeProcess.start(
      { ...this.#environment, NODE_NAME: name, OPS_PORT: operationsPort },
      this.command,
    );
    const node = { name, process, operationsPort };
    this.nodes.push(node);
    return node;
  }

  /** Ends it as a crash does. */
  async kill(node: FleetNode): Promise<void> {
    this.#remove(node);
    await node.process.kill();
  }

  /** Resolves when it has drained. */
  async drain(node: FleetNode): Promise<void> {
    this.#remove(node);
    await node.process.stop();
  }

  cpuMs(): number {
    return this.nodes.reduce((sum, { process }) => sum + processCpuMs(process.pid), this.#endedCpuMs);
  }

  /** What the processes take, pages that they share counted once. */
  memoryBytes(): number {
    return this.nodes.reduce((sum, { process }) => sum + proportionalBytes(process.pid), 0);
  }

  /** The sum of a metric over all nodes, of all its series with these labels. */
  async metric(name: string, labels = ''): Promise<number> {
    const pages = await Promise.all(
      this.nodes.map(async ({ operationsPort }) => {
        const response = await fetch(`http://127.0.0.1:${operationsPort}/metrics`);
        return response.text();
      }),
    );
    let sum = 0;
    for (const line of pages.flatMap((page) => page.split('\n'))) {
      if (!line.startsWith(`${name}{`) && !line.startsWith(`${name} `)) continue;
      if (line.includes(labels)) sum += Number(line.slice(line.lastIndexOf(' ') + 1));
    }
    return sum;
  }

  /** At once, without waiting. */
  end(): void {
    for (const { process } of this.nodes) process.signal('SIGKILL');
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map(async ({ process }) => process.kill()));
  }

  #remove(node: FleetNode): void {
    this.#endedCpuMs += processCpuMs(node.process.pid);
    this.nodes.splice(this.nodes.indexOf(node), 1);
  }
}

export function proportionalBytes(pid: number): number {
  const kilobytes = /^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1];
  return Number(kilobytes) * 1_024;
}
