import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const running = new Set();

/** Processes that are killed on a signal or exit, when there is no time to stop them in order. */
export function killAll() {
  for (const process of running) process.child.kill('SIGKILL');
}

/** A process that is measured, or the generator. Keeps the end of what it printed. */
export class Process {
  #output = '';
  exited = false;

  /**
   * @param {{ name: string, place: import('./topology.js').Place, command: string[], env?: object, cwd?: string,
   *   cpus?: string, ipc?: boolean }} options
   */
  constructor({ name, place, command, env = {}, cwd, cpus, ipc = false }) {
    this.name = name;
    const [file, ...args] = [...place.enter, ...(cpus ? ['taskset', '-c', cpus] : []), ...command];
    // Nothing of the caller's environment but the path: a stray NODE_OPTIONS or DEBUG would be measured too.
    this.child = spawn(file, args, {
      cwd,
      env: { PATH: process.env.PATH, HOME: process.env.HOME, NO_COLOR: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe', ...(ipc ? ['ipc'] : [])],
    });
    running.add(this);
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => (this.#output = (this.#output + text).slice(-4000)));
    }
    this.ended = new Promise((resolve) => {
      const end = (reason) => {
        this.exited = true;
        running.delete(this);
        resolve(reason);
      };
      this.child.once('error', (error) => end(error.message));
      this.child.once('exit', (code, signal) => end(`ended with ${signal ?? code}`));
    });
  }

  get pid() {
    return this.child.pid;
  }

  get output() {
    return this.#output.trim();
  }

  /** `ip netns exec` and `taskset` replace themselves, so the pid is the server's own. */
  async stop({ gracefully = false } = {}) {
    if (this.exited) return;
    this.child.kill(gracefully ? 'SIGTERM' : 'SIGKILL');
    await Promise.race([this.ended, sleep(gracefully ? 15_000 : 2000)]);
    if (!this.exited) this.child.kill('SIGKILL');
  }
}

/** Waits until a TCP port accepts. If the process ends meanwhile, it throws an error with the last lines of its output. */
export async function portOpens({ process, place, address, port, timeoutMs = 60_000 }) {
  const deadline = Date.now() + timeoutMs;
  while (Date.now() < deadline) {
    if (process.exited) throw new Error(`${process.name} ${await process.ended}: ${process.output}`);
    if (await accepts(place, address, port)) return;
    await sleep(50);
  }
  throw new Error(`${process.name} did not open port ${port} within ${timeoutMs} ms: ${process.output}`);
}

async function accepts(place, address, port) {
  if (place.enter.length > 0) {
    // Seen from inside its own namespace; the port's state says it without making a connection.
    const [file, ...args] = [...place.enter, 'ss', '-Htnl', `sport = :${port}`];
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (part) => (text += part));
    await once(child, 'close');
    return text.includes(`:${port}`);
  }
  const socket = connect({ host: address, port });
  const opened = await Promise.race([
    once(socket, 'connect').then(() => true),
    once(socket, 'close').then(() => false),
  ]).catch(() => false);
  socket.destroy();
  return opened;
}

/** The generator's process. `ask` waits for its answer. */
export class Generator extends Process {
  async ask(action, request = {}) {
    if (this.exited) throw new Error(`the generator ${await this.ended}: ${this.output}`);
    const answer = once(this.child, 'message').then(([message]) => message);
    this.child.send({ action, request });
    const { result, error } = await Promise.race([
      answer,
      this.ended.then((reason) => ({ error: `the generator ${reason}: ${this.output}` })),
    ]);
    if (error) throw new Error(error);
    return result;
  }
}
