/**
 * How often this node reports, and so how long a peer may say nothing.
 *
 * Rules.
 * - While sessions or members change, a report is sent every `reportIntervalMs`, because peers compare their sessions
 *   with it. After several such reports it is only a sign of life, and is sent every `reportIdleMs`: the cost of an
 *   idle node is waking up for the reports of all others.
 * - Above `reportMembersFlat` members each node reports less often, in proportion. So all reports together cost a
 *   node about the same.
 * - Silence is measured in idle reports, because it is very unlikely that several in a row are lost by accident. A
 *   silent peer is asked for a sign of life. The time from silence to death does not depend on the size of the
 *   cluster.
 */
import type { Timing } from '../options.js';
import type { Members } from '../peers/members.js';

/** How many reports follow a change. All but one may be lost. */
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

  /** How many reports were made so far, which is the number of the last one. */
  get reports(): number {
    return this.#reports;
  }

  /** Returns the number of the report that is made now. */
  nextReport(): number {
    this.#reports += 1;
    return this.#reports;
  }

  /** A session or a member has changed. */
  noteNews(): void {
    this.#newsReports = NEWS_REPORTS;
    this.#hasNews = true;
  }

  /** Whether something has changed since the last call, so that the next report should come sooner. */
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

  /**
   * How long a peer that has met us may take to list us. Several reports in a row must be lost before it is reported.
   */
  get listedAfterMs(): number {
    return Math.max(this.timing.notMutualAfterMs, NEWS_REPORTS * this.newsMs + LOST_REPORTS * this.idleMs);
  }

  /**
   * How long a peer may say nothing before it is asked for a sign of life. When many members have just gone, the peer's
   * pace is still that of a larger cluster.
   *
   * @param members as many as the peer counted with its last report
   */
  silentAfterMs(members: number): number {
    const idleMs = this.timing.reportIdleMs * Math.max(this.scale, members / this.timing.reportMembersFlat);
    return Math.max(this.timing.silentAfterMs, SILENT_REPORTS * idleMs);
  }

  /**
   * How long a boot that is only heard of may say nothing before it is forgotten. This is longer than between two
   * reports.
   */
  get forgottenAfterMs(): number {
    return Math.max(this.timing.heardForgetMs, SILENT_REPORTS * this.idleMs);
  }

  /**
   * How long a peer may say nothing before it is dead: silence, and then the difference of the two configured times.
   */
  deadAfterMs(members: number): number {
    return this.silentAfterMs(members) + this.timing.deadAfterMs - this.timing.silentAfterMs;
  }

  /** The factor by which reports and gossip are rarer in a cluster of this size; 1 in a small one. */
  get scale(): number {
    return Math.max(1, (this.members.size + 1) / this.timing.reportMembersFlat);
  }
}
