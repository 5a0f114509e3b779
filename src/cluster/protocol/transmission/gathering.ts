/**
 * How long announcements wait for others, and how long acks of them do.
 *
 * An announcement that leaves by itself costs every other node a datagram to read, and one to ack it. When clients come
 * one by one that is the price of being fast. When they come in a storm, to one node or to all, it is most of what the
 * cluster does.
 *
 * Rules.
 * - An announcement leaves in its own turn if none has left for `gatherMs`. Otherwise it waits until that time is over, and
 *   leaves with all that have come meanwhile. Withdrawals do the same.
 * - A publication in the same record ends the wait, and so do acks that are due. Acks count as an announcement that has left:
 *   so the next announcements travel with the next acks.
 * - Each further node whose broadcast stream has moved lately adds `gatherPeerMs` to the time that announcements and their
 *   acks wait here, up to `gatherMaxMs`. So all together send hardly more datagrams than one of them would.
 */
import type { Timing } from '../options.js';

/** "Lately". Several times as long as anything is gathered for, so that the count is not of a few nodes by chance. */
const PERIOD_MS = 100;

export class Gathering {
  /** Peers whose broadcast stream has moved in this period, by their index. */
  readonly #moving = new Set<number>();
  /** How many they were in the period before. */
  #movedBefore = 0;
  #periodEndsAt = -Infinity;
  #leftAt = -Infinity;
  #isHurried = false;

  constructor(private readonly timing: Timing) {}

  /** A broadcast record of the peer has come. */
  notePeer(now: number, index: number): void {
    if (now >= this.#periodEndsAt) {
      this.#movedBefore = now < this.#periodEndsAt + PERIOD_MS ? this.#moving.size : 0;
      this.#moving.clear();
      this.#periodEndsAt = now + PERIOD_MS;
    }
    this.#moving.add(index);
  }

  /** Somebody waits for what is being written. It leaves at the end of the turn. */
  hurry(): void {
    this.#isHurried = true;
  }

  /** When the record that is being filled may leave. */
  leavesAt(now: number): number {
    return this.#isHurried ? now : this.#leftAt + this.#within(this.timing.gatherMs + this.sharedMs(now));
  }

  /** It leaves now. */
  noteLeft(now: number): void {
    this.#leftAt = now;
    this.#isHurried = false;
  }

  /** How long the ack of an announcement waits for others. */
  ackMs(now: number): number {
    return this.#within(this.timing.ackUrgentMs + this.sharedMs(now));
  }

  /** By how much both are longer than if only one node announced anything. */
  sharedMs(now: number): number {
    if (now >= this.#periodEndsAt + PERIOD_MS) return 0;
    const peers = Math.max(this.#moving.size, this.#movedBefore);
    return this.#within(Math.max(0, peers - 1) * this.timing.gatherPeerMs);
  }

  #within(ms: number): number {
    return Math.min(ms, this.timing.gatherMaxMs);
  }
}
