/**
 * How often this node reports, and by the same measure how long others may say nothing.
 *
 * Rules.
 * - While sessions or members change, a report every `reportIntervalMs`: others compare with it how they stand with us. Once
 *   all is said several times over, a report is a sign of life and nothing else, and `reportIdleMs` will do: an idle
 *   node's cost is waking up for the reports of all others.
 * - Above `reportMembersFlat` members each reports less often, in proportion: reports of all together cost a node about the
 *   same.
 * - Silence is measured in idle reports: a few in a row are missed by accident once in a blue moon. Who is silent is asked
 *   for a sign of life, which takes no longer in a large cluster: so nor does death, from there on.
 */
import type { Members } from './members.js';
import type { Timing } from './options.js';

/** After news: all but one may be lost. */
const NEWS_REPORTS = 3;
const LOST_REPORTS = 2;
const SILENT_REPORTS = 2.5;

export class ReportPace {
  #newsReports = NEWS_REPORTS;
  #hasNews = false;
  #reports = 0;

  constructor(
    private readonly timing: Timing,
    private readonly members: Members,
  ) {}

  /** Made so far: the number of the last one. */
  get reports(): number {
    return this.#reports;
  }

  /** Returns the number of the report that is made now. */
  nextReport(): number {
    this.#reports += 1;
    return this.#reports;
  }

  /** How we stand with a peer has changed. */
  noteNews(): void {
    this.#newsReports = NEWS_REPORTS;
    this.#hasNews = true;
  }

  /** Whether there has been news since this was last asked: the next report should hurry. */
  takeNews(): boolean {
    const hasNews = this.#hasNews;
    this.#hasNews = false;
    return hasNews;
  }

  /** A report was made; returns when the next one is due, in milliseconds from it. */
  nextAfterMs(): number {
    this.#hasNews = false;
    this.#newsReports = Math.max(0, this.#newsReports - 1);
    return this.#newsReports === 0 ? this.idleMs : this.newsMs;
  }

  get newsMs(): number {
    return this.timing.reportIntervalMs * this.scale;
  }

  get idleMs(): number {
    return this.timing.reportIdleMs * this.scale;
  }

  /** How long a peer that has met us may take to list us: several reports in a row must be lost before that is worth a word. */
  get listedAfterMs(): number {
    return Math.max(this.timing.notMutualAfterMs, NEWS_REPORTS * this.newsMs + LOST_REPORTS * this.idleMs);
  }

  /** How long a peer may say nothing before it is asked for a sign of life. */
  get silentAfterMs(): number {
    return Math.max(this.timing.silentAfterMs, SILENT_REPORTS * this.idleMs);
  }

  /** How long one that is only heard of may say nothing before it is forgotten: it must not be, from report to report. */
  get forgottenAfterMs(): number {
    return Math.max(this.timing.heardForgetMs, SILENT_REPORTS * this.idleMs);
  }

  /** And before it is dead: as long after as the configured times are apart. */
  get deadAfterMs(): number {
    return this.silentAfterMs + this.timing.deadAfterMs - this.timing.silentAfterMs;
  }

  /** 1, or how much rarer everything is that all say to all in a cluster of this size. */
  get scale(): number {
    return Math.max(1, (this.members.size + 1) / this.timing.reportMembersFlat);
  }
}
