/** When this node reports. `ReportPace` says how often. */
import type { NodeParts } from '../node-parts.js';
import type { Reports } from './reports.js';
import type { View } from './view.js';

type Parts = Pick<NodeParts, 'options' | 'pace' | 'timers' | 'timing'>;

export class ReportSchedule {
  #reportedAt: number;

  constructor(
    private readonly parts: Parts,
    private readonly reports: Reports,
    private readonly view: View,
  ) {
    const { startedAt } = parts.options;
    this.#reportedAt = startedAt;
    parts.timers.carried.report.set(startedAt);
  }

  /** When the last report was made, or the node started. */
  get reportedAt(): number {
    return this.#reportedAt;
  }

  /** A report is due. */
  report(now: number): void {
    const { pace, timing } = this.parts;
    this.reports.broadcast();
    this.#reportedAt = now;
    this.view.settle(now);
    // A newcomer reports often, to be listed and ready soon, however large the cluster is.
    const afterMs = pace.nextAfterMs();
    this.#setNext(now, this.view.isSettled ? afterMs : timing.reportIntervalMs);
  }

  /** Brings the next report forward if something has changed since the last. */
  hurry(now: number): void {
    const { pace, timers } = this.parts;
    if (pace.takeNews() && timers.carried.report.at > this.#reportedAt + pace.newsMs)
      this.#setNext(now, pace.newsMs);
  }

  /** Sets the next report to `afterMs` after the last one, or to now if that time is over. */
  #setNext(now: number, afterMs: number): void {
    const jitter = 0.9 + 0.2 * this.parts.options.random();
    this.parts.timers.carried.report.set(Math.max(now, this.#reportedAt + afterMs * jitter));
  }
}
