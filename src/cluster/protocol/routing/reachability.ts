/**
 * R11: when a connection may be shown as open, and who is named late because it was not waited for.
 *
 * A connection waits in the barrier until every peer has applied the announcement of its user. The acks of a peer say
 * what it has applied. What all have applied is worked out once a turn, and only if acks have come. Connections do not
 * wait for absent peers (late, and without an ack for as long). Those are late with every further connection instead. While
 * nothing is carried (R15) they wait for nobody, and all peers are late.
 */
import type { NodeParts } from '../node-parts.js';
import type { Peer } from '../peers/peer.js';
import { Barrier } from './barrier.js';

type Parts = Pick<
  NodeParts,
  'broadcast' | 'broadcastReview' | 'carriage' | 'journal' | 'members' | 'timers' | 'timing'
>;

export class Reachability {
  readonly #barrier: Barrier;
  /** What every listed peer that is not absent has applied of our broadcast stream; Infinity: there are none. */
  #appliedByAll = Infinity;
  #absentPeers: readonly Peer[] = [];

  constructor(
    private readonly parts: Parts,
    /** Whether every boot that is known to be there is a peer. */
    private readonly knowsAll: (now: number) => boolean,
  ) {
    this.#barrier = new Barrier(parts.timing.barrierMs, parts.timers.owed.barrier, (...what) =>
      this.#tell(...what),
    );
  }

  /** A connection whose user was announced in that broadcast record; 'reachable' follows, at once or within the bound. */
  join(now: number, token: number, announcedIn: number): void {
    if (this.parts.broadcastReview.isDue) this.#refresh();
    if (!this.parts.carriage.isUp) this.#joinUncarried(now, token, announcedIn);
    else if (announcedIn <= this.#appliedByAll) this.#tell(now, token, announcedIn, true);
    else this.#barrier.wait(now, token, announcedIn);
  }

  cancel(token: number): void {
    this.#barrier.cancel(token);
  }

  /** Acks have come, or peers have gone. */
  advance(now: number): void {
    this.#refresh();
    this.#barrier.advance(now, this.#appliedByAll);
  }

  /** The time of the oldest connections is over. They open, and the peers that they waited for are named as late. */
  expire(now: number): void {
    const announcedIn = this.#barrier.expire(now);
    const { barrierMs } = this.parts.timing;
    for (const peer of this.#peersWithout(announcedIn)) {
      const { outgoing } = peer;
      const standing = outgoing.barrierStanding;
      const isTold = standing.markLate(now, announcedIn, barrierMs);
      const isOwed = outgoing.broadcastNeededAfter < this.parts.broadcast.nextToSend - 1;
      if (isOwed && standing.giveUpAfter(now, barrierMs)) this.parts.broadcastReview.request();
      if (!isTold) continue;
      const reason = `connections opened that the peer has not acked within ${barrierMs} ms`;
      this.#nameLate(peer, announcedIn, reason);
    }
  }

  /** In an outage each peer is named when the first connection opens, and again only if the outage is long. */
  #joinUncarried(now: number, token: number, announcedIn: number): void {
    const { deadAfterMs } = this.parts.timing;
    for (const peer of this.#peersWithout(announcedIn)) {
      if (peer.outgoing.barrierStanding.markLate(now, announcedIn, deadAfterMs)) {
        this.#nameLate(peer, announcedIn, 'connections opened while nothing was carried between the nodes');
      }
    }
    this.parts.journal.events.push({ type: 'reachable', token, complete: false });
  }

  /** Those that have not acked the announcement. */
  #peersWithout(announcedIn: number): readonly Peer[] {
    return this.parts.members.all.filter(
      ({ isListed, outgoing }) => isListed && outgoing.barrierStanding.acked < announcedIn,
    );
  }

  #nameLate(peer: Peer, announcedIn: number, reason: string): void {
    const behind = announcedIn - peer.outgoing.barrierStanding.acked;
    this.parts.journal.gap(peer, 'late', behind, reason);
  }

  #refresh(): void {
    const { members } = this.parts;
    let applied = Infinity;
    this.#absentPeers = members.all.filter(({ outgoing }) => outgoing.barrierStanding.isAbsent);
    for (const { isListed, outgoing } of members.all) {
      const { acked, isAbsent } = outgoing.barrierStanding;
      if (isListed && !isAbsent && acked < applied) applied = acked;
    }
    this.#appliedByAll = applied;
  }

  #tell(now: number, token: number, announcedIn: number, isInTime: boolean): void {
    for (const { outgoing } of this.#absentPeers) outgoing.barrierStanding.owe(announcedIn);
    const complete = isInTime && this.#absentPeers.length === 0 && this.knowsAll(now);
    this.parts.journal.events.push({ type: 'reachable', token, complete });
  }
}
