/**
 * A machine: an address, a place on the network, and at most one process at a time. It lives longer than its
 * processes, and holds the configuration for the next one.
 */
import type { Arrival, Endpoint } from '../contract.js';
import type { Application } from './application.js';
import type { Station } from './network.js';
import type { Pace, Process } from './process.js';
import type { Boot } from './timeline.js';

export interface Running {
  readonly boot: Boot;
  readonly process: Process;
  readonly application: Application;
  /** It is leaving the cluster, and takes no clients any more. */
  isLeaving: boolean;
}

export class Host implements Station {
  running: Running | null = null;
  secrets: readonly Buffer[];
  pace: Pace;
  overruns = 0;
  /** Until then its processes are told that nothing is carried; 0: they are not. */
  cutOffUntil = 0;

  constructor(
    readonly index: number,
    readonly cluster: string,
    secrets: readonly Buffer[],
    public usualPace: Pace,
  ) {
    this.secrets = secrets;
    this.pace = usualPace;
  }

  get address(): string {
    return `10.0.0.${this.index + 1}`;
  }

  /** One that serves clients. */
  get serving(): Running | null {
    return this.running === null || this.running.isLeaving ? null : this.running;
  }

  get speaker(): Boot | null {
    return this.running?.boot ?? null;
  }

  deliver(arrival: Arrival, bytes: Buffer, source: Endpoint, sender: Boot | null = null): void {
    const { running } = this;
    if (running === null) return;
    if (!running.process.receive(arrival, { bytes, source, sender })) this.overruns += 1;
  }
}
