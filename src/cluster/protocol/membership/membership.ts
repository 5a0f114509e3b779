/**
 * Which peers live, which are dropped, and what is dropped with them. Each node decides for itself: there is no
 * coordinator.
 *
 * Rules.
 * - R12: a peer is dropped when it has been silent until `deadAfterMs` (later in large clusters). It is dropped at
 *   once when it leaves, or when it is silent and a new boot of the same name comes. Silence alone changes no routing.
 *   When many members go at once, the others are judged by the pace of the cluster that they reported last.
 * - A silent peer is sent a PING. It answers with a report, so that a broken broadcast path alone drops nobody.
 * - Two live boots with one name are a mistake of people (a copied environment file). A warning says so, and both stay.
 * - A boot that was heard but did not answer is forgotten when it falls silent. So a recording is heard once.
 * - The time that a node slept counts against no peer.
 */
import type { NodeParts } from '../node-parts.js';
import type { Peer } from '../peers/peer.js';
import type { Pings } from './pings.js';
import type { Reports } from './reports.js';

/** A peer that is silent for this many reports was replaced by the new boot with its name. */
const NAMESAKE_SILENT_REPORTS = 2;

/** The peer's own limit may be longer than ours: it depends on how many nodes it counts. */
const FORMER_LIMITS = 2;

type Parts = Pick<
  NodeParts,
  'journal' | 'members' | 'options' | 'pace' | 'peersChanged' | 'questions' | 'receipts' | 'routes' | 'timing'
>;

export class Membership {
  constructor(
    private readonly parts: Parts,
    private readonly reports: Reports,
    private readonly pings: Pings,
  ) {}

  /** Called at every report, and at least about once a second. */
  judge(now: number): void {
    const { parts } = this;
    const { members } = parts;
    members.formerSessions.forgetBefore(now - FORMER_LIMITS * parts.pace.deadAfterMs(0));
    for (const peer of members.all) {
      const silentMs = now - peer.heardAt;
      if (!peer.isProven) {
        this.#judgeUnproven(now, peer);
      } else if (silentMs >= parts.pace.deadAfterMs(peer.report.members)) {
        this.drop(now, peer, 'lost', `no report for ${Math.round(silentMs)} ms`);
      } else if (silentMs >= NAMESAKE_SILENT_REPORTS * parts.pace.idleMs && this.#isReplaced(peer)) {
        this.drop(now, peer, 'lost', 'its node was started anew');
      } else {
        if (silentMs >= parts.pace.silentAfterMs(peer.report.members)) {
          peer.fallSilent();
          this.pings.askForReport(now, peer);
        }
        this.reports.judgeAcks(now, peer);
        if (!peer.mutualStanding.isMutual && now - peer.metAt >= parts.pace.listedAfterMs) {
          this.reports.tellNotMutual(peer, 'the peer has not come to list us');
        }
      }
      peer.loss.age();
    }
  }

  /** Called when the name of a boot is known for the first time. */
  noteName(now: number, peer: Peer): void {
    for (const other of this.parts.members.all) {
      if (other === peer || other.name !== peer.name || !other.isProven) continue;
      if (now - other.heardAt >= NAMESAKE_SILENT_REPORTS * this.parts.pace.idleMs) {
        if (other.bornAt < peer.bornAt) this.drop(now, other, 'lost', 'its node was started anew');
      } else {
        this.#warnNamesake(peer, `${other.endpoint} and ${peer.endpoint}`);
      }
    }
    if (peer.name === this.parts.options.nodeName) {
      this.#warnNamesake(peer, `this node and ${peer.endpoint}`);
    }
  }

  drop(now: number, peer: Peer, change: 'left' | 'lost', reason: string): void {
    const { parts } = this;
    const { incoming, outgoing } = peer;
    parts.routes.retireReplica(now, peer);
    const last = peer.snapshot(now);
    parts.members.remove(now, peer, change === 'left');
    const undelivered = outgoing.stream.userMessages() + outgoing.backlog.takeAllDropped();
    if (change === 'lost' || undelivered > 0) parts.journal.gap(peer, 'lost', undelivered, reason);
    const missing = incoming.isAdmitted ? incoming.unicast.highest - incoming.unicast.next + 1 : 0;
    if (change === 'left' && missing > 0) {
      parts.journal.gap(peer, 'gap', missing, 'records of a peer that left can not be repaired any more');
    }
    if (incoming.id !== 0) parts.journal.tellPeer(change, last, reason);
    parts.receipts.loseHolder(peer.index);
    parts.questions.losePeer(peer.id);
    parts.peersChanged();
  }

  /** We slept for `ms`: everything that waits for a peer waits so much longer. */
  forgive(now: number, ms: number): void {
    const { all, formerSessions } = this.parts.members;
    for (const peer of all) peer.forgive(now, ms);
    formerSessions.forgive(ms);
  }

  /** R15: for `ms` nothing was carried. */
  resume(now: number, ms: number): void {
    const { all, formerSessions } = this.parts.members;
    for (const peer of all) peer.resume(now, ms);
    formerSessions.forgive(ms);
  }

  /**
   * A boot that is only heard of, and could have answered, is reported again and again. It is forgotten when it is
   * not heard any more.
   */
  #judgeUnproven(now: number, peer: Peer): void {
    const { heardForgetMs } = this.parts.timing;
    const metMs = now - peer.metAt;
    if (peer.life !== 'named' && metMs >= Math.min(this.parts.pace.listedAfterMs, heardForgetMs)) {
      const why =
        peer.life === 'refused'
          ? 'no version of the protocol is common to it and us'
          : 'it has not answered our hello: do datagrams to one host pass both ways, not only those to all? ' +
            'Look at firewalls, and at UDP_UNICAST_PORT (0: any port)';
      this.reports.tellNotMutual(peer, `heard at ${peer.endpoint}, but ${why}`);
    }
    if (now - peer.heardAt >= this.parts.pace.forgottenAfterMs) {
      this.parts.members.remove(now, peer, false);
      this.parts.peersChanged();
    } else if (metMs >= heardForgetMs) {
      peer.meetAgain(now);
      peer.mutualStanding.tellAgain();
    }
  }

  #isReplaced(peer: Peer): boolean {
    return this.parts.members.all.some(
      (other) => other !== peer && other.isProven && other.name === peer.name && other.bornAt > peer.bornAt,
    );
  }

  #warnNamesake(peer: Peer, which: string): void {
    this.parts.journal.warn(
      'duplicate-name',
      `Two live nodes have the name ${peer.name}: ${which}. Both stay; give one another NODE_NAME to tell them apart.`,
    );
  }
}
