import type { Environment } from '../../src/config/variables.js';
import { clusterEnvironment } from './environment.js';
import { freePort } from './free-port.js';
import { NodeProcess } from './node-process.js';
import { TestClient, V1 } from '../../src/testing/test-client.js';

const API_KEY = 'a-key-of-the-http-api';

/** A primary and its workers, as an operator starts them, with an operators' door. */
export class PrimaryProcess {
  private constructor(
    readonly process: NodeProcess,
    readonly url: string,
  ) {}

  /** Starts it without waiting. In a process group of its own. */
  static async launch(env: Environment, workers = 2): Promise<PrimaryProcess> {
    const [port, opsPort] = [await freePort(), await freePort()];
    const own = { WORKERS: String(workers), PORT: port, OPS_PORT: opsPort, API_KEYS: API_KEY };
    const all = clusterEnvironment({
      WS_MAX_CONNECTIONS_PER_USER: '0',
      WS_MESSAGES_PER_SECOND: '0',
      ...own,
      ...env,
    });
    return new PrimaryProcess(NodeProcess.launch(all, [], { ownGroup: true }), `http://127.0.0.1:${opsPort}`);
  }

  /** Starts it and waits until all workers serve. */
  static async start(env: Environment = {}, workers = 2): Promise<PrimaryProcess> {
    const primary = await PrimaryProcess.launch(env, workers);
    await primary.process.waitForOutput(/All \d+ workers serve/);
    return primary;
  }

  /** The processes that were started as this worker, the last one last. */
  pidsOf(worker: number): number[] {
    const started = this.process.output.matchAll(new RegExp(`Worker ${worker} has pid (\\d+)`, 'g'));
    return Array.from(started, ([, pid]) => Number(pid));
  }

  /** Resolves when so many processes were started as this worker. */
  async hasStarted(worker: number, times: number): Promise<void> {
    await this.process.waitForOutput(new RegExp(`(Worker ${worker} has pid[^]*){${times}}`));
  }

  /** Ends the worker that has this place now. */
  signalWorker(worker: number, signal: NodeJS.Signals): void {
    process.kill(this.pidsOf(worker).at(-1) as number, signal);
  }

  /** Sends a signal to all processes, as a terminal does. */
  signalGroup(signal: NodeJS.Signals): void {
    process.kill(-this.process.pid, signal);
  }

  async get(
    path: string,
    { headers, ...rest }: Omit<RequestInit, 'headers'> & { headers?: Record<string, string> } = {},
  ): Promise<Response> {
    return fetch(`${this.url}${path}`, {
      ...rest,
      headers: { Authorization: `Bearer ${API_KEY}`, ...headers },
    });
  }

  /** The values of a metric by worker. */
  async metric(name: string): Promise<Record<string, string>> {
    const text = await (await this.get('/metrics')).text();
    const lines = text.matchAll(new RegExp(`^${name}\\{worker="(\\d+)"[^}]*\\} (\\S+)$`, 'gm'));
    return Object.fromEntries(Array.from(lines, ([, worker, value]) => [worker, value] as const));
  }

  /** The id of the node that this worker is now. */
  async nodeId(worker: number): Promise<string> {
    const text = await (await this.get('/metrics')).text();
    const [, id] =
      new RegExp(`^lanfare_node_info\\{worker="${worker}",node_id="(\\w+)"`, 'm').exec(text) ?? [];
    if (id === undefined) throw new Error(`worker ${worker} does not answer`);
    return id;
  }

  /** A client of this worker. The system chooses the worker of a socket, so this connects until it is the right one. */
  async connectTo(worker: number, user: string): Promise<TestClient> {
    const id = await this.nodeId(worker);
    for (;;) {
      const client = await TestClient.connect(this.process.url(`user_id=${user}`), V1);
      const { data } = (await client.nextJson()) as { data: { node_id: string } };
      if (data.node_id === id) return client;
      await client.close();
    }
  }

  /** Whether all processes have ended. */
  areAllGone(): boolean {
    const pids = [this.process.pid, ...this.process.output.matchAll(/has pid (\d+)/g)].map((found) =>
      Number(typeof found === 'number' ? found : found[1]),
    );
    return pids.every((pid) => !isThere(pid));
  }
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
