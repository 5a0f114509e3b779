import type { Environment } from '../config/variables.js';
import { Restarts } from './restarts.js';
import type { WorkerProcess } from './worker-process.js';

/** The place of one of the workers, by its number: which worker is in it, and when it is filled again. */
export class Place {
  readonly restarts = new Restarts();
  #env: Environment;
  #worker: WorkerProcess | null = null;
  #hasServed = false;
  #deaths = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    readonly number: number,
    env: Environment,
  ) {
    this.#env = env;
  }

  /** The environment of its workers. */
  get env(): Environment {
    return this.#env;
  }

  /** Null: its worker has died, and another one will be started. */
  get worker(): WorkerProcess | null {
    return this.#worker;
  }

  /** A worker of this place has served. */
  get hasServed(): boolean {
    return this.#hasServed;
  }

  /** Deaths since the start. */
  get deaths(): number {
    return this.#deaths;
  }

  /** A worker was started in it. */
  fill(worker: WorkerProcess): void {
    this.#worker = worker;
    void worker.served.then((isServing) => {
      if (isServing) this.#hasServed = true;
    });
  }

  /** Another worker, which serves already, has it from now on, and others after it have the same environment. */
  replace(worker: WorkerProcess, env: Environment): void {
    this.cancel();
    this.#env = env;
    this.#worker = worker;
    this.#hasServed = true;
  }

  /** Its worker has died. */
  empty(): void {
    this.#worker = null;
    this.#deaths++;
  }

  startLater(delayMs: number, start: () => void): void {
    this.#timer = setTimeout(start, delayMs);
  }

  /** `startLater` starts no worker here any more. */
  cancel(): void {
    clearTimeout(this.#timer);
  }
}
