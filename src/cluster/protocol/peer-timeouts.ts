/** Does what is due when a timer of a peer expires. */
import type { Handshake } from './membership/handshake.js';
import type { Pings } from './membership/pings.js';
import type { NodeParts } from './node-parts.js';
import type { Peer } from './peers/peer.js';
import type { Routing } from './routing/routing.js';
import type { Acks } from './transmission/acks.js';
import type { PathProbes } from './transmission/path-probes.js';

type Parts = Pick<NodeParts, 'flushQueue' | 'options' | 'pace' | 'timing'>;

export class PeerTimeouts {
  constructor(
    private readonly parts: Parts,
    private readonly acks: Acks,
    private readonly handshake: Handshake,
    private readonly pings: Pings,
    private readonly probes: PathProbes,
    private readonly routing: Routing,
  ) {}

  handle(now: number, peer: Peer): void {
    const { outgoing, timers } = peer;
    if (timers.next > now) return;
    const { timing } = this.parts;
    if (timers.hello.hasExpired(now)) this.handshake.sendHello(now, peer);
    if (timers.ack.hasExpired(now)) this.acks.sendStatus(now, peer);
    if (timers.broadcastGap.hasExpired(now) || timers.unicastGap.hasExpired(now)) {
      this.handshake.rejoin(now, peer, null, `records missing for ${timing.gapAfterMs} ms`);
    } else if (timers.broadcastNack.hasExpired(now) || timers.unicastNack.hasExpired(now)) {
      this.acks.sendDueNacks(now, peer);
    }
    if (timers.poll.hasExpired(now)) {
      outgoing.poll(now);
      this.acks.sendPoll(peer);
    }
    if (timers.stall.hasExpired(now)) this.routing.review(now, peer);
    if (timers.hold.hasExpired(now)) {
      outgoing.dropHeld(now);
      if (outgoing.backlog.dropped > 0) this.parts.flushQueue.add(peer);
    }
    if (timers.ping.hasExpired(now)) {
      const { scale } = this.parts.pace;
      timers.ping.set(now + scale * timing.pingIntervalMs * (0.75 + 0.5 * this.parts.options.random()));
      this.pings.measure(now, peer);
    }
    if (timers.probe.hasExpired(now)) this.probes.probe(now, peer);
  }
}
