import type { Environment } from '../config/variables.js';
import { Restarts } from './restarts.js';
import type { WorkerProcess } from './worker-process.js';

/** The place of one of the workers, by its number: who has it, and when it is filled again. */
export class Place {
  /** Null: its worker has died, and another one is to be started. */
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

  /** No worker is started here any more by `startLater`. */
  cancel(): void {
    clearTimeout(this.#timer);
  }
}
