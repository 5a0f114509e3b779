/**
 * What falls due for one peer: HELLOs, acks, requests for what is missing, questions for its position and its life, and
 * the end of our patience. The times are kept by those whose they are; here they are read together.
 */
import type { Acks } from './acks.js';
import type { Handshake } from './handshake.js';
import type { NodeContext } from './node-context.js';
import type { Peer } from './peer.js';
import type { Routing } from './routing.js';

export class PeerTimeouts {
  constructor(
    private readonly context: NodeContext,
    private readonly acks: Acks,
    private readonly handshake: Handshake,
    private readonly routing: Routing,
    private readonly ping: (now: number, peer: Peer) => void,
  ) {}

  /** When `handle` has something to do for the peer. */
  dueAt({ outgoing, pingAt, timers }: Peer): number {
    const { timing } = this.context;
    let due = Math.min(timers.next, outgoing.pollAt, pingAt);
    if (outgoing.isCongested) due = Math.min(due, outgoing.stuckSince + timing.stalledAfterMs);
    if (outgoing.id === 0) due = Math.min(due, outgoing.stream.oldestClosedAt + timing.holdMs);
    return due;
  }

  handle(now: number, peer: Peer): void {
    const { outgoing, timers } = peer;
    const { timing } = this.context;
    if (timers.hello.hasExpired(now)) this.handshake.sendHello(now, peer);
    if (timers.ack.hasExpired(now)) this.acks.sendStatus(now, peer);
    if (timers.broadcastGap.hasExpired(now) || timers.unicastGap.hasExpired(now)) {
      this.handshake.rejoin(now, peer, null, `records missing for ${timing.gapAfterMs} ms`);
    } else if (timers.broadcastNack.hasExpired(now) || timers.unicastNack.hasExpired(now)) {
      this.acks.sendDueNacks(now, peer);
    }
    if (outgoing.pollAt <= now) {
      if (outgoing.blockingSince === Infinity) {
        outgoing.pollIntervalMs = Math.min(outgoing.pollIntervalMs * 2, timing.pollIntervalMaxMs);
      }
      outgoing.pollAt = now + outgoing.pollIntervalMs;
      this.acks.sendPoll(peer);
    }
    if (outgoing.isCongested && outgoing.stuckSince + timing.stalledAfterMs <= now) {
      this.routing.review(now, peer);
    }
    if (outgoing.id === 0 && outgoing.stream.oldestClosedAt + timing.holdMs <= now) {
      outgoing.dropped += outgoing.stream.dropHeld(now, timing.holdMs);
      if (outgoing.dropped > 0) this.context.markDirty(peer);
    }
    if (peer.pingAt <= now) {
      const { scale } = this.context.pace;
      peer.pingAt = now + scale * timing.pingIntervalMs * (0.75 + 0.5 * this.context.options.random());
      this.ping(now, peer);
    }
  }
}
