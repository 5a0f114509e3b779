/**
 * R11: when a connection may be shown as open, and who is named late because it was not waited for.
 *
 * A connection waits in the barrier until every peer has applied the announcement of its user. The acks of a peer say
 * what it has applied. What all have applied is worked out once a turn, and only if acks have come. Connections do not
 * wait for absent peers (late, and without an ack for as long). Those are late with every further connection instead.
 */
import type { NodeParts } from '../node-parts.js';
import type { Peer } from '../peers/peer.js';
import { Barrier } from './barrier.js';

type Parts = Pick<NodeParts, 'broadcast' | 'broadcastReview' | 'journal' | 'members' | 'timers' | 'timing'>;

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
    if (announcedIn <= this.#appliedByAll) this.#tell(now, token, announcedIn, true);
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
    for (const peer of this.parts.members.all) {
      const { outgoing } = peer;
      const standing = outgoing.barrierStanding;
      if (!peer.isListed || standing.acked >= announcedIn) continue;
      const isTold = standing.markLate(now, announcedIn, barrierMs);
      const isOwed = outgoing.broadcastNeededAfter < this.parts.broadcast.nextToSend - 1;
      if (isOwed && standing.giveUpAfter(now, barrierMs)) this.parts.broadcastReview.request();
      if (!isTold) continue;
      const behind = announcedIn - standing.acked;
      const reason = `connections opened that the peer has not acked within ${barrierMs} ms`;
      this.parts.journal.gap(peer, 'late', behind, reason);
    }
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
