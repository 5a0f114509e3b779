/**
 * Leaving on purpose. The node waits a while until its queues are empty. Then it sends LEAVE three times, because LEAVE is
 * not acked and one of them has to arrive. Peers drop a node as soon as they get one.
 */
import type { NodeParts } from './node-parts.js';
import type { Congestion } from './routing/congestion.js';
import { FRAME_LEAVE } from './wire/frames.js';

const LEAVES = 3;
const LEAVE_INTERVAL_MS = 20;

type Parts = Pick<NodeParts, 'members' | 'outbox' | 'questions' | 'receipts' | 'timers' | 'timing'>;

export class Departure {
  #drainUntil = Infinity;
  #leavesSent = 0;

  constructor(
    private readonly parts: Parts,
    private readonly congestion: Congestion,
  ) {}

  get hasBegun(): boolean {
    return this.#drainUntil !== Infinity;
  }

  /** A LEAVE is out: peers stop listing us. */
  get isTold(): boolean {
    return this.#leavesSent > 0;
  }

  get isOver(): boolean {
    return this.#leavesSent >= LEAVES;
  }

  begin(now: number): void {
    if (this.hasBegun) return;
    this.#drainUntil = now + this.parts.timing.drainMaxMs;
    this.parts.timers.departure.set(now);
  }

  step(now: number): void {
    const { members, outbox, questions, receipts } = this.parts;
    const isDrained = members.all.every(
      (peer) => this.congestion.isStalled(now, peer) || peer.outgoing.stream.records === 0,
    );
    this.parts.timers.departure.set(now + LEAVE_INTERVAL_MS);
    if (!isDrained && now < this.#drainUntil) return;
    outbox.writer.beginFrame(FRAME_LEAVE).endFrame();
    outbox.toAll();
    this.#leavesSent += 1;
    if (!this.isOver) return;
    // Nothing will be received any more, so whatever waits for an answer ends now.
    receipts.expire(Infinity);
    questions.expire(Infinity);
  }
}
