import { Logger } from '@nestjs/common';
import type { EventEmitter } from 'node:events';
import { constants } from 'node:os';
import { COULD_NOT_START } from '../config/exit-codes.js';
import { ALIVE_EVERY_MS, isReport, type Order, type Report } from './messages.js';
import { WorkerDoor } from './worker-door.js';

/** A worker whose event loop stands still for longer than this, 20 to 25 s, serves no client. */
const SILENT_TICKS_MAX = 4;
/** Before a worker speaks for the first time it loads its code, which may take 60 s. */
const SILENT_TICKS_AT_START_MAX = 12;

/** The part of node:cluster's worker that is needed here. */
export interface Forked extends EventEmitter {
  readonly process: { readonly pid?: number | undefined; kill(signal: NodeJS.Signals): boolean };
  isConnected(): boolean;
  send(message: Order): boolean;
}

/** How a worker ended. */
export interface End {
  /** The exit code; after a signal 128 plus its number, as in shells. */
  readonly code: number;
  /** How long it had served. Null: it never served. */
  readonly servedMs: number | null;
}

/** One worker from its fork to its end, as the primary sees it. */
export class WorkerProcess {
  readonly #log = new Logger('Workers');
  #state: 'starting' | 'serving' | 'leaving' | 'ended' = 'starting';
  #servingSince: number | null = null;
  #door: WorkerDoor | null = null;
  #hasSpoken = false;
  #silentTicks = 0;
  #killTimer: NodeJS.Timeout | undefined;
  readonly #watch = setInterval(() => this.#tick(), ALIVE_EVERY_MS);
  #onServing: (isServing: boolean) => void = () => undefined;

  /** Resolves with true when it serves, or with false when it has ended before. */
  readonly served = new Promise<boolean>((resolve) => (this.#onServing = resolve));
  readonly ended: Promise<End>;

  /**
   * @param number which of the workers it is
   * @param udpPort its own; null: any free one
   */
  constructor(
    readonly number: number,
    readonly udpPort: number | null,
    private readonly worker: Forked,
  ) {
    worker.on('message', (message: unknown) => {
      if (isReport(message)) this.#hear(message);
    });
    this.ended = new Promise((resolve) => {
      const end = (code: number): void => resolve({ code, servedMs: this.#end() });
      worker.on('exit', (code: number | null, signal: NodeJS.Signals | null) => {
        end(signal === null ? (code ?? 0) : 128 + constants.signals[signal]);
      });
      worker.on('error', (error: Error) => {
        this.#log.warn(`Worker ${number}: ${error.message}`);
        if (this.pid === undefined) end(COULD_NOT_START); // there is no process, so there will be no `exit`
      });
    });
  }

  get pid(): number | undefined {
    return this.worker.process.pid;
  }

  /** Its public door is open, and it was not told to go. */
  get isServing(): boolean {
    return this.#state === 'serving';
  }

  /** Its part of the operators' door. Null: the door is not open yet, or the worker is leaving. */
  get door(): WorkerDoor | null {
    return this.isServing || this.#state === 'starting' ? this.#door : null;
  }

  /** Closes its clients with 1012 and ends, within `patienceMs` or by SIGKILL. Calling it again is harmless. */
  drain(patienceMs: number): void {
    this.#leave(patienceMs);
    this.worker.process.kill('SIGTERM');
  }

  /** The same, but first it lets those in whom it has begun to let in, and leaves new sockets to the others. */
  retire(patienceMs: number): void {
    this.#leave(patienceMs);
    if (this.worker.isConnected()) this.worker.send({ lanfare: 'retire' });
    else this.worker.process.kill('SIGTERM');
  }

  /** Ends it at once. */
  kill(): void {
    this.worker.process.kill('SIGKILL');
  }

  #leave(patienceMs: number): void {
    if (this.#state === 'ended') return;
    this.#state = 'leaving';
    this.#killTimer ??= setTimeout(() => {
      this.#log.warn(`Worker ${this.number} has not ended in its grace: killed`);
      this.kill();
    }, patienceMs);
  }

  #hear(report: Report): void {
    this.#hasSpoken = true;
    this.#silentTicks = 0;
    switch (report.lanfare) {
      case 'alive':
        return;
      case 'door':
        this.#door = new WorkerDoor(report.port, report.key);
        return;
      case 'serving':
        this.#servingSince = performance.now();
        if (this.#state === 'starting') this.#state = 'serving';
        this.#onServing(true);
        return;
      case 'leaving':
        if (this.#state !== 'ended') this.#state = 'leaving';
    }
  }

  /** Silence is counted in ticks, not in time: after this process itself stood still, only one tick is late. */
  #tick(): void {
    const max = this.#hasSpoken ? SILENT_TICKS_MAX : SILENT_TICKS_AT_START_MAX;
    if (++this.#silentTicks <= max) return;
    this.#log.error(
      `Worker ${this.number} (pid ${this.pid}) has not spoken for ${(max * ALIVE_EVERY_MS) / 1000} s: its event loop stands still. Killed`,
    );
    this.kill();
  }

  /** How long it had served. */
  #end(): number | null {
    this.#state = 'ended';
    clearInterval(this.#watch);
    clearTimeout(this.#killTimer);
    this.#onServing(false);
    return this.#servingSince === null ? null : performance.now() - this.#servingSince;
  }
}
