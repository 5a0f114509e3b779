/**
 * What this node knows of who is there, and whether it knows all. Only then may an answer call itself complete.
 *
 * Rules.
 * - R13: the view has settled when 3 reports are out and the replica of every peer is complete, or after `settleMaxMs`.
 *   Before that nothing is complete, nor while the node is deaf or looks for others in vain.
 * - R14: `complete` says that every peer was asked that may hold the address and is known to be there. A boot that is only
 *   heard of, or named by others, is there and can't be asked. The replica of a peer is not relied on when the peer is
 *   silent, or when announcements of it have been missing for longer than connections wait for us (R11): the replica may
 *   lack somebody who is connected.
 * - A peer that was dropped as dead, or has said good-bye, is not known to be there. So in a partition each side answers
 *   for itself.
 */
import type { NodeParts } from '../node-parts.js';
import type { Peer } from '../peers/peer.js';
import type { Discovery } from './discovery.js';

/** After an outage newcomers are known by then: each has reported, also with the jitter of reports. */
const SURE_AFTER_REPORTS = 1.25;

type Parts = Pick<NodeParts, 'carriage' | 'members' | 'options' | 'pace' | 'timing'>;

export class View {
  #isSettled = false;
  /** Since when the view could settle. */
  #lookingSince: number;
  /** Peers that may hold any address, because we do not rely on their replica. As of `#doubtedAt`. */
  #doubtful: readonly Peer[] = [];
  #doubtedAt = NaN;
  #membersThen: readonly Peer[] = [];

  constructor(
    private readonly parts: Parts,
    private readonly discovery: Discovery,
  ) {
    this.#lookingSince = parts.options.startedAt;
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** At every report. */
  settle(now: number): void {
    this.#isSettled ||= this.#hasSettled(now);
  }

  /** R15: for `ms` nothing was carried. */
  resume(ms: number): void {
    this.#lookingSince += ms;
  }

  /** Whether every boot that is known to be there is a peer. */
  knowsAll(now: number): boolean {
    return this.#isClear(now) && this.parts.members.heard === 0;
  }

  /** Whether no node but the known holders `asked[0..count)` can hold the address. */
  isComplete(now: number, asked: readonly Peer[], count: number): boolean {
    if (!this.#isClear(now)) return false;
    for (const peer of this.#doubtfulAt(now)) {
      const at = asked.indexOf(peer);
      if (at === -1 || at >= count) return false;
    }
    return true;
  }

  #isClear(now: number): boolean {
    const { carriage, pace } = this.parts;
    const isBack = carriage.isUp && now >= carriage.backAt + SURE_AFTER_REPORTS * pace.idleMs;
    return isBack && this.#isSettled && this.discovery.isHearing && !this.discovery.isSearching(now);
  }

  /** Worked out once for all that is sent within a turn. */
  #doubtfulAt(now: number): readonly Peer[] {
    const { members } = this.parts;
    if (now !== this.#doubtedAt || members.all !== this.#membersThen) {
      this.#doubtful = members.all.filter((peer) => this.#isDoubtful(now, peer));
      this.#doubtedAt = now;
      this.#membersThen = members.all;
    }
    return this.#doubtful;
  }

  #isDoubtful(now: number, { heardAt, isProven, isSilent, incoming }: Peer): boolean {
    if (!isProven || isSilent) return true;
    if (heardAt <= this.parts.carriage.backAt) return true;
    return incoming.isComplete && now - incoming.broadcast.stuckSince >= this.parts.timing.barrierMs;
  }

  #hasSettled(now: number): boolean {
    const { members, pace, timing } = this.parts;
    if (now - this.#lookingSince >= timing.settleMaxMs) return true;
    return pace.reports > timing.settleReports && members.all.every(({ incoming }) => incoming.isComplete);
  }
}
