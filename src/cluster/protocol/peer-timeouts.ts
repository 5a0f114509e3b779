/** Does what is due when a timer of a peer expires. */
import type { Handshake } from './membership/handshake.js';
import type { Pings } from './membership/pings.js';
import type { NodeParts } from './node-parts.js';
import type { Peer } from './peers/peer.js';
import type { Congestion } from './routing/congestion.js';
import type { Acks } from './transmission/acks.js';
import type { PathProbes } from './transmission/path-probes.js';

type Parts = Pick<NodeParts, 'flushQueue' | 'options' | 'pace' | 'timing'>;

/** The parts of the node that do it. */
export interface PeerTimerOwners {
  readonly acks: Acks;
  readonly congestion: Congestion;
  readonly handshake: Handshake;
  readonly pings: Pings;
  readonly probes: PathProbes;
}

export class PeerTimeouts {
  constructor(
    private readonly parts: Parts,
    private readonly owners: PeerTimerOwners,
  ) {}

  handle(now: number, peer: Peer): void {
    const { outgoing, timers } = peer;
    if (timers.next > now) return;
    const { timing } = this.parts;
    const { acks, congestion, handshake, pings, probes } = this.owners;
    if (timers.hello.hasExpired(now)) handshake.sendHello(now, peer);
    if (timers.ack.hasExpired(now)) acks.sendStatus(now, peer);
    if (timers.broadcastGap.hasExpired(now) || timers.unicastGap.hasExpired(now)) {
      handshake.rejoin(now, peer, null, `records missing for ${timing.gapAfterMs} ms`);
    } else if (timers.broadcastNack.hasExpired(now) || timers.unicastNack.hasExpired(now)) {
      acks.sendDueNacks(now, peer);
    }
    if (timers.poll.hasExpired(now)) {
      outgoing.poll(now);
      acks.sendPoll(peer);
    }
    if (timers.stall.hasExpired(now)) congestion.review(now, peer);
    if (timers.hold.hasExpired(now)) {
      outgoing.dropHeld(now);
      if (outgoing.backlog.dropped > 0) this.parts.flushQueue.add(peer);
    }
    if (timers.ping.hasExpired(now)) {
      const { scale } = this.parts.pace;
      timers.ping.set(now + scale * timing.pingIntervalMs * (0.75 + 0.5 * this.parts.options.random()));
      pings.measure(now, peer);
    }
    if (timers.probe.hasExpired(now)) probes.probe(now, peer);
  }
}
