import type { Environment } from '../config/variables.js';
import { Restarts } from './restarts.js';
import type { WorkerProcess } from './worker-process.js';

/** The place of one of the workers, by its number: which worker is in it, and when it is filled again. */
export class Place {
  /** Null: its worker has died, and another one will be started. */
  worker: WorkerProcess | null = null;
  /** A worker of this place has served. */
  hasServed = false;
  /** Deaths since the start. */
  deaths = 0;
  readonly restarts = new Restarts();
  #timer: NodeJS.Timeout | undefined;

  /** @param env the environment of its workers */
  constructor(
    readonly number: number,
    public env: Environment,
  ) {}

  startLater(delayMs: number, start: () => void): void {
    this.#timer = setTimeout(start, delayMs);
  }

  /** `startLater` starts no worker here any more. */
  cancel(): void {
    clearTimeout(this.#timer);
  }
}
