import { spawn, type ChildProcess } from 'node:child_process';
import type { Environment } from '../../src/config/variables.js';
import { nodeEnvironment } from './environment.js';
import { running } from './running.js';

const SERVING = /Serving on http:\/\/[^\s"]+:(\d+)/;

/** A node in a process of its own, as an operator starts it: `node dist/main.js` with an environment. */
export class NodeProcess {
  #output = '';
  /** It has ended, and all that it wrote has been read: a process may end before its pipes are empty. */
  #isClosed = false;
  readonly #waiters = new Set<() => void>();

  private constructor(private readonly child: ChildProcess) {
    running.set(this, async () => this.kill());
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.#output += chunk.toString();
        this.#wake();
      });
    }
    child.on('close', () => {
      running.delete(this);
      this.#isClosed = true;
      this.#wake();
    });
  }

  /**
   * Starts it without waiting: for starts that are meant to fail.
   * @param command e.g. ip netns exec …
   * @param application `entry`: another application's, in the folder `cwd`; `args`: what it is called with; `ownGroup`: in
   *   a process group of its own
   */
  static launch(
    env: Environment,
    command: readonly string[] = [],
    { cwd = process.cwd(), entry = 'dist/main.js', args = [] as readonly string[], ownGroup = false } = {},
  ): NodeProcess {
    const [file = process.execPath, ...rest] = [...command, process.execPath, entry, ...args];
    const child = spawn(file, rest, {
      cwd,
      env: { PATH: process.env['PATH'], ENV_FILE: '/dev/null', ...nodeEnvironment, LOG_LEVEL: 'log', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: ownGroup,
    });
    return new NodeProcess(child);
  }

  /** Starts it and waits until it serves. */
  static async start(env: Environment, command: readonly string[] = []): Promise<NodeProcess> {
    const node = NodeProcess.launch(env, command);
    await node.waitForOutput(SERVING);
    return node;
  }

  /** Everything written so far. The two streams are two pipes: a line on one says nothing of lines before it on the other. */
  get output(): string {
    return this.#output;
  }

  get pid(): number {
    return this.child.pid as number;
  }

  get port(): number {
    return Number(SERVING.exec(this.#output)?.[1]);
  }

  url(query: string, path = '/chat'): string {
    return `ws://127.0.0.1:${this.port}${path}${query === '' ? '' : `?${query}`}`;
  }

  /** Resolves with the match; rejects when the process ends without writing it. */
  async waitForOutput(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.#output);
      if (found !== null) return found;
      if (this.#isClosed) throw new Error(`the node ended without writing ${pattern}:\n${this.#output}`);
      await this.#somethingNew();
    }
  }

  /** Goes away as a log reader that ends: what the node writes from now on meets a closed pipe. */
  closeOutput(): void {
    this.child.stdout?.destroy();
    this.child.stderr?.destroy();
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Resolves with the exit code, or the signal that ended it. The output is complete then. */
  async exited(): Promise<number | NodeJS.Signals | null> {
    while (!this.#isClosed) await this.#somethingNew();
    return this.child.exitCode ?? this.child.signalCode;
  }

  async stop(): Promise<void> {
    this.signal('SIGTERM');
    await this.exited();
  }

  /** Ends the process at once, without a drain. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.exited();
  }

  async #somethingNew(): Promise<void> {
    await new Promise<void>((resolve) => this.#waiters.add(resolve));
  }

  #wake(): void {
    for (const resolve of this.#waiters) resolve();
    this.#waiters.clear();
  }
}
