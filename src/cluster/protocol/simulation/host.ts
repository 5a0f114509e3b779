/**
 * A machine: an address, a place on the network, and at most one process at a time. It lives longer than its
 * processes, and holds the configuration for the next one.
 */
import type { Arrival, Endpoint } from '../contract.js';
import type { Application } from './application.js';
import type { Station } from './network.js';
import type { Pace, Process } from './process.js';
import { Tally } from './tally.js';
import type { Boot } from './timeline.js';

export interface Running {
  readonly boot: Boot;
  readonly process: Process;
  readonly application: Application;
}

export class Host implements Station {
  #running: Running | null = null;
  /** What runs is leaving the cluster, and takes no clients any more. */
  #isLeaving = false;
  #secrets: readonly Buffer[];
  #usualPace: Pace;
  #pace: Pace;
  /** Datagrams that found a receive buffer full. */
  readonly overruns = new Tally();
  #cutOffUntil = 0;

  constructor(
    readonly index: number,
    readonly cluster: string,
    secrets: readonly Buffer[],
    pace: Pace,
  ) {
    this.#secrets = secrets;
    this.#usualPace = pace;
    this.#pace = pace;
  }

  get running(): Running | null {
    return this.#running;
  }

  /** Those of the process that is started next. */
  get secrets(): readonly Buffer[] {
    return this.#secrets;
  }

  get pace(): Pace {
    return this.#pace;
  }

  get usualPace(): Pace {
    return this.#usualPace;
  }

  get address(): string {
    return `10.0.0.${this.index + 1}`;
  }

  /** One that serves clients. */
  get serving(): Running | null {
    return this.#isLeaving ? null : this.#running;
  }

  get speaker(): Boot | null {
    return this.#running?.boot ?? null;
  }

  started(running: Running): void {
    this.#running = running;
  }

  /** It leaves the cluster. */
  leaves(): void {
    this.#isLeaving = true;
  }

  ended(): void {
    this.#running = null;
    this.#isLeaving = false;
  }

  /** Until then its processes are told that nothing is carried; 0: they are not. */
  get cutOffUntil(): number {
    return this.#cutOffUntil;
  }

  cutOff(until: number): void {
    this.#cutOffUntil = until;
  }

  bringBack(): void {
    this.#cutOffUntil = 0;
  }

  /** The next process has these secrets. */
  configure(secrets: readonly Buffer[]): void {
    this.#secrets = secrets;
  }

  /** It is as slow as this, until it recovers. */
  slowDown(pace: Partial<Pace>): void {
    this.#pace = { ...this.#usualPace, ...pace };
    this.#running?.process.goAt(this.#pace);
  }

  /** From now on this is what is usual, where it differs. */
  recover(pace: Partial<Pace> = {}): void {
    this.#usualPace = { ...this.#usualPace, ...pace };
    this.#pace = this.#usualPace;
    this.#running?.process.goAt(this.#pace);
  }

  deliver(arrival: Arrival, bytes: Buffer, source: Endpoint, sender: Boot | null = null): void {
    if (this.#running === null) return;
    if (!this.#running.process.receive(arrival, { bytes, source, sender })) this.overruns.add(bytes);
  }
}
