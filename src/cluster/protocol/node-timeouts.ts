/** Does what is due when a timer of the node itself expires. */
import type { Discovery } from './membership/discovery.js';
import type { Membership } from './membership/membership.js';
import type { ReportSchedule } from './membership/report-schedule.js';
import type { NodeParts } from './node-parts.js';
import type { Congestion } from './routing/congestion.js';
import type { Interest } from './routing/interest.js';
import type { Reachability } from './routing/reachability.js';

/** A little rarer than the idle reports of a small cluster. So their jitter never causes a wake-up for this alone. */
const JUDGED_PER_IDLE_REPORT = 1.25;

type Parts = Pick<
  NodeParts,
  'broadcastReview' | 'carriage' | 'questions' | 'receipts' | 'routes' | 'timers' | 'timing'
>;

/** The parts of the node that do it. */
export interface NodeTimerOwners {
  readonly congestion: Congestion;
  readonly discovery: Discovery;
  readonly interest: Interest;
  readonly membership: Membership;
  readonly reachability: Reachability;
  readonly reportSchedule: ReportSchedule;
}

export class NodeTimeouts {
  constructor(
    private readonly parts: Parts,
    private readonly owners: NodeTimerOwners,
  ) {}

  /** @param areOwedJudged what others owe may be given up: this node has not just slept */
  handle(now: number, areOwedJudged: boolean): void {
    const { carriage, routes, timers } = this.parts;
    if (areOwedJudged) this.#handleOwed(now);
    if (timers.sweep.hasExpired(now)) routes.sweep(now);
    if (timers.recheck.hasExpired(now)) routes.watches.recheck(now);
    if (timers.linger.hasExpired(now)) this.owners.interest.expire(now);
    if (timers.away.hasExpired(now)) carriage.last();
    if (carriage.isUp) this.#handleCarried(now);
  }

  /** What others have not answered in time. */
  #handleOwed(now: number): void {
    const { questions, receipts, timers } = this.parts;
    if (timers.owed.barrier.hasExpired(now)) this.owners.reachability.expire(now);
    if (timers.owed.receipts.hasExpired(now)) receipts.expire(now);
    if (timers.owed.questions.hasExpired(now)) questions.expire(now);
  }

  /** What is to be told to peers, and what they are judged by. */
  #handleCarried(now: number): void {
    const { discovery, reportSchedule } = this.owners;
    const { report, judge, knock, gossip } = this.parts.timers.carried;
    if (knock.hasExpired(now)) discovery.knock(now);
    if (gossip.hasExpired(now)) discovery.gossip(now);
    reportSchedule.hurry(now);
    const isReportDue = report.hasExpired(now);
    if (isReportDue || judge.hasExpired(now)) this.#judgePeers(now);
    if (isReportDue) reportSchedule.report(now);
  }

  /** Called at every report, and in between in large clusters, where reports are rare. */
  #judgePeers(now: number): void {
    const { congestion, discovery, membership } = this.owners;
    const { broadcastReview, timers, timing } = this.parts;
    membership.judge(now);
    discovery.judge(now);
    congestion.reviewAll(now);
    broadcastReview.request();
    timers.carried.judge.set(now + JUDGED_PER_IDLE_REPORT * timing.reportIdleMs);
  }
}
