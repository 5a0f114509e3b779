import type { BusRefusal } from '../cluster/bus/bus.js';

/** Counts where this node's messages went. Plain fields that only grow: to count one costs an addition. */
export class MessageStatistics {
  /** Messages posted here: those whose user had a connection here, and those whose user had none. */
  localDelivered = 0;
  localAbsent = 0;
  /** Messages posted here that the cluster accepted. Those that it refused went nowhere. */
  clusterAccepted = 0;
  readonly clusterRefused: Record<BusRefusal, number> = { too_large: 0, congested: 0 };
  /** Messages from other nodes. When one found no connection, it was late, or an old directory had routed it. */
  inboundDelivered = 0;
  inboundAbsent = 0;
  /** Connections into whose outgoing queue a message went. */
  localDeliveries = 0;
  inboundDeliveries = 0;

  countLocal(deliveries: number): void {
    this.localDeliveries += deliveries;
    if (deliveries > 0) this.localDelivered++;
    else this.localAbsent++;
  }

  countInbound(deliveries: number): void {
    this.inboundDeliveries += deliveries;
    if (deliveries > 0) this.inboundDelivered++;
    else this.inboundAbsent++;
  }
}
