/**
 * How far the broadcast stream may be sent, and which of its records are freed.
 *
 * Rules.
 * - At most min(broadcastWindowRecords, smallest window, our own echo's) beyond the slowest peer that is not a laggard. A
 *   peer becomes a laggard when a record waits for it for `laggardAfterMs`, or when it shuts the window and answers nothing
 *   for `unheardAfterMs`. So the others never wait for one for long. A peer that shuts the window often, but keeps the
 *   records moving, has a small buffer. It is no laggard: without its window it would be overrun.
 * - While a peer shuts the window it is asked for its position at short intervals that do not grow.
 * - A record that only laggards need is freed. Beyond the ring's limits the oldest is freed even if others need it. A peer
 *   that needs a freed record sees the gap, and rejoins.
 */
import type { NodeParts } from '../node-parts.js';

type Parts = Pick<NodeParts, 'broadcast' | 'flow' | 'limits' | 'members' | 'timers'>;

export class BroadcastWindow {
  constructor(private readonly parts: Parts) {}

  /**
   * Frees the records that all peers in the window have. Returns the sequence up to which the broadcast stream may be
   * sent.
   */
  update(now: number): number {
    const { broadcast, flow, members } = this.parts;
    let slowest = Infinity;
    let fastest = -Infinity;
    let window = flow.broadcastWindow;
    for (const { outgoing } of members.all) {
      if (!outgoing.isOpen) continue;
      const after = outgoing.broadcastNeededAfter;
      if (outgoing.windowStanding.isLaggard) {
        // Compared with the smallest window, its own included. With a larger one it would be back at once, and then
        // shut the window again.
        const smallest = Math.min(window, outgoing.window);
        if (after + 1 < broadcast.first || after + smallest < broadcast.nextToSend) continue;
        outgoing.windowStanding.catchUp();
        window = smallest;
      }
      slowest = Math.min(slowest, after);
      fastest = Math.max(fastest, after);
    }
    if (slowest === Infinity) {
      this.free();
      return Infinity;
    }
    broadcast.ackTo(slowest);
    const limit = slowest + window;
    const isShut = broadcast.nextSequence - 1 > limit;
    // The time when the oldest record that the window holds back was closed.
    const waitingSince = broadcast.at(Math.max(limit + 1, broadcast.nextToSend))?.closedAt ?? now;
    let isRelieved = false;
    for (const peer of members.all) {
      const { outgoing } = peer;
      const standing = outgoing.windowStanding;
      if (!outgoing.isOpen || standing.isLaggard) continue;
      // If all are equally far behind, none delays the others.
      if (!isShut || outgoing.broadcastNeededAfter > slowest || fastest === slowest) {
        standing.release();
        continue;
      }
      if (standing.state === 'in-step') {
        standing.block(now);
        outgoing.pollSoon(now, peer.roundTrip.ms, 0);
      }
      const endsAt = standing.patienceEndsAt(waitingSince);
      if (now < endsAt) {
        this.parts.timers.carried.giveUp.setIfSooner(endsAt);
      } else {
        standing.giveUp();
        isRelieved = true;
      }
    }
    // Again, at once: the others must get ahead of the laggard's window before it is checked again.
    return isRelieved ? this.update(now) : limit;
  }

  /** Nobody has a session: a new peer starts after what exists now. */
  free(): void {
    const { broadcast } = this.parts;
    broadcast.skipUnsent();
    broadcast.ackTo(broadcast.nextSequence - 1);
  }

  /** Frees the oldest records beyond the limits of the ring. */
  evict(): void {
    const { broadcast, limits } = this.parts;
    const { broadcastRingBytes, broadcastRingRecords } = limits;
    while (broadcast.records > broadcastRingRecords || broadcast.bytes > broadcastRingBytes)
      broadcast.evictOldest();
  }
}
