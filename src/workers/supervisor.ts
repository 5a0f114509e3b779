import { Logger } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import { COULD_NOT_START, DRAINED } from '../config/exit-codes.js';
import { ConfigurationError, type Environment } from '../config/variables.js';
import { within } from '../waiting/within.js';
import { Place } from './place.js';
import { workerEnvironment } from './worker-environment.js';
import { WorkerProcess, type End, type Forked } from './worker-process.js';
import { workersUdpPorts } from './workers.config.js';

/** Exit codes of a worker that SIGINT or SIGTERM ended while it loaded its code: it had no clients to drain. */
const BEFORE_IT_BEGAN = new Set([128 + 2, 128 + 15]);

/** A replacement that is not ready after this time is given up, and the worker that it should replace stays. */
const READY_WITHIN_MS = 60_000;
const READY_ASKED_EVERY_MS = 200;
/** How much longer than its grace a worker may take to hand over and to end its process. Then it is killed. */
const LEAVING_MS = 5_000;

/** Variables that say how the primary itself is set up. They are read at the start, and not again at SIGHUP. */
const OF_THE_PRIMARY = ['WORKERS', 'OPS_HOST', 'OPS_PORT', 'NODE_NAME', 'LOG_LEVEL', 'LOG_FORMAT'];

export interface SupervisorParts {
  /** Reads the environment and its files anew. Throws ConfigurationError. */
  readonly readEnvironment: () => Environment;
  readonly fork: (env: Environment) => Forked;
  /** Ends this process, after all workers have ended. */
  readonly exit: (code: number) => void;
  readonly graceMs: (env: Environment) => number;
}

/**
 * Keeps so many workers running: starts them, starts again those that die, replaces them one by one, ends them. It does
 * not handle the public port: `node:cluster` holds it in this process, and gives each socket to the next free worker
 * (round robin). So no waiting socket is reset when a worker goes.
 */
export class Supervisor {
  readonly #log = new Logger('Workers');
  readonly places: readonly Place[];
  /**
   * All workers that have not ended: those that have a place, those that leave, and replacements that are not ready.
   */
  readonly #alive = new Set<WorkerProcess>();
  #exitCode: number | null = null;
  #isReplacing = false;
  #isToReplaceAgain = false;

  constructor(
    private env: Environment,
    count: number,
    private readonly parts: SupervisorParts,
  ) {
    this.places = Array.from({ length: count }, (_, index) => new Place(index + 1, env));
  }

  /** Resolves when all workers serve, or when one has ended before it served. */
  async start(): Promise<void> {
    const served = this.places.map(async (place) => this.#fill(place).served);
    const all = (await Promise.all(served)).every((isServing) => isServing);
    if (all && this.#exitCode === null) this.#log.log(`All ${this.places.length} workers serve`);
  }

  get isEnding(): boolean {
    return this.#exitCode !== null;
  }

  /** Drains all workers at the same time. Ends with `code`, or with the code of a worker that failed to drain. */
  end(code = DRAINED): void {
    if (this.#exitCode !== null) return;
    this.#exitCode = code;
    for (const place of this.places) place.cancel();
    for (const worker of this.#alive) worker.drain(this.#patienceMs);
    this.#exitWhenAllHaveEnded();
  }

  /** Ends all workers and itself, at once. */
  kill(code: number): void {
    for (const worker of this.#alive) worker.kill();
    this.parts.exit(code);
  }

  /**
   * Replaces all workers, one by one, with the environment as it is now. A call during a replacement causes another one
   * after it.
   */
  async replace(): Promise<void> {
    if (this.isEnding) return;
    if (this.#isReplacing) {
      this.#isToReplaceAgain = true;
      return;
    }
    this.#isReplacing = true;
    do {
      this.#isToReplaceAgain = false;
      await this.#replaceAll();
    } while (this.#isToReplaceAgain && !this.isEnding);
    this.#isReplacing = false;
  }

  async #replaceAll(): Promise<void> {
    const env = this.#readAnew();
    if (env === null) return;
    for (const place of this.places) {
      if (!(await this.#replaceIn(place, env))) {
        if (!this.isEnding)
          this.#log.error(`Worker ${place.number} stays, and those after it: the replacement has ended`);
        return;
      }
    }
    this.env = env;
    this.#log.log(`All ${this.places.length} workers are replaced`);
  }

  /** Returns false when the replacement did not become ready, or when all workers are being ended. */
  async #replaceIn(place: Place, env: Environment): Promise<boolean> {
    const next = this.#fork(place, env);
    const isReady = await within(READY_WITHIN_MS, this.#isReady(next), false);
    if (!isReady || this.isEnding) {
      if (!this.isEnding) next.kill();
      return false;
    }
    const before = place.worker;
    place.replace(next, env);
    this.#log.log(`Worker ${place.number} is replaced by pid ${next.pid}`);
    if (before !== null) {
      before.retire(this.#patienceMs);
      await before.ended; // the next replacement needs its UDP port
    }
    return !this.isEnding;
  }

  async #isReady(worker: WorkerProcess): Promise<boolean> {
    if (!(await worker.served)) return false;
    while (worker.door !== null) {
      const answer = await worker.door.get('/readyz', READY_WITHIN_MS).catch(() => null);
      if (answer?.status === 200) return true;
      await delay(READY_ASKED_EVERY_MS);
    }
    return false;
  }

  #readAnew(): Environment | null {
    try {
      const env = this.parts.readEnvironment();
      const changed = OF_THE_PRIMARY.filter((name) => (env[name] ?? '') !== (this.env[name] ?? ''));
      if (changed.length > 0) this.#log.warn(`Not changed without a restart: ${changed.join(', ')}`);
      const kept = Object.fromEntries(OF_THE_PRIMARY.map((name) => [name, this.env[name]]));
      return { ...env, ...kept };
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      this.#log.error(`The configuration is not valid, all workers stay.\n${error.message}`);
      return null;
    }
  }

  #fill(place: Place): WorkerProcess {
    const worker = this.#fork(place, place.env);
    place.fill(worker);
    return worker;
  }

  #fork(place: Place, env: Environment): WorkerProcess {
    const udpPort = this.#freeUdpPort(env);
    const forked = this.parts.fork(workerEnvironment(env, place.number, udpPort));
    const worker = new WorkerProcess(place.number, udpPort, forked);
    this.#alive.add(worker);
    this.#log.log(`Worker ${place.number} has pid ${worker.pid}`);
    void worker.ended.then((end) => {
      this.#alive.delete(worker);
      this.#ended(place, worker, end);
    });
    return worker;
  }

  /** The lowest free port: others may have it in UDP_PEERS. */
  #freeUdpPort(env: Environment): number | null {
    const own = workersUdpPorts(env, this.places.length);
    if (own === null) return null;
    const taken = new Set([...this.#alive].map(({ udpPort }) => udpPort));
    return own.ports.find((port) => !taken.has(port)) ?? (own.ports.at(-1) as number);
  }

  #ended(place: Place, worker: WorkerProcess, { code, servedMs }: End): void {
    if (this.isEnding) {
      this.#exitWhenAllHaveEnded(code);
      return;
    }
    if (place.worker !== worker) return; // it was replaced, or was a replacement that was given up
    place.empty();
    if (code === COULD_NOT_START && !place.hasServed) {
      this.#log.fatal(`Worker ${place.number} could not start`);
      this.end(code);
      return;
    }
    const delayMs = place.restarts.died(servedMs ?? 0);
    if (delayMs === null) {
      this.#log.fatal(`Worker ${place.number} keeps dying, with code ${code} now: all end`);
      this.end(code);
      return;
    }
    this.#log.error(
      `Worker ${place.number} (pid ${worker.pid}) has ended with code ${code}: started again in ${Math.round(delayMs)} ms`,
    );
    place.startLater(delayMs, () => void this.#fill(place));
  }

  #exitWhenAllHaveEnded(code = DRAINED): void {
    if (code !== DRAINED && !BEFORE_IT_BEGAN.has(code)) this.#exitCode ||= code;
    if (this.#alive.size === 0) this.parts.exit(this.#exitCode ?? DRAINED);
  }

  get #patienceMs(): number {
    return this.parts.graceMs(this.env) + LEAVING_MS;
  }
}
