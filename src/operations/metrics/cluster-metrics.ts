import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { Subscription } from 'rxjs';
import { GAP_KINDS, PEER_CHANGES, PEER_STATES, REJECTIONS } from '../../cluster/bus/bus.js';
import { version } from '../../config/version.js';
import { SAMPLED_PATHS } from '../../messaging/message-sample.js';
import { KernelDrops } from '../../telemetry/kernel-drops.js';
import { Metrics } from '../../telemetry/metrics.js';
import { RunningNode } from '../running-node.js';

/**
 * Messages, and what carries them between the nodes. Rare events (samples, gaps, peers) are counted as they happen; the
 * rest is copied from counters.
 */
@Injectable()
export class ClusterMetrics implements OnApplicationShutdown {
  readonly #drops = new KernelDrops();
  readonly #subscriptions: readonly Subscription[];

  constructor(
    private readonly metrics: Metrics,
    private readonly node: RunningNode,
  ) {
    this.#start();
    const { cluster, messaging } = node;
    this.#subscriptions = [
      messaging.samples$.subscribe(({ path, durationMs }) =>
        metrics.messageLatency.observe({ path }, durationMs / 1000),
      ),
      cluster.gaps$.subscribe(({ kind }) => metrics.gaps.inc({ kind })),
      cluster.peerChanges$.subscribe(({ change }) => metrics.peerChanges.inc({ change })),
      cluster.congested$.subscribe((isCongested) => metrics.congested.set(Number(isCongested))),
    ];
    const { name, bus } = node;
    metrics.nodeInfo.set({ node_id: cluster.nodeId, node_name: name, version: version(), bus }, 1);
  }

  onApplicationShutdown(): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
  }

  /** Copies the figures of this moment into the metrics. */
  async collect(): Promise<void> {
    this.#collectMessages();
    this.#collectCluster();
    this.#collectProtocol();
    await this.#collectUdp();
  }

  /** Shows counters as 0 before the first event: of events, and of what this bus does not count. */
  #start(): void {
    const { metrics } = this;
    metrics.start(metrics.gaps, { kind: GAP_KINDS });
    metrics.start(metrics.peerChanges, { change: PEER_CHANGES });
    metrics.start(metrics.messageLatency, { path: SAMPLED_PATHS });
    metrics.start(metrics.datagramsRejected, { reason: REJECTIONS });
    for (const counter of [metrics.clusterMessages, metrics.clusterDatagrams]) {
      metrics.start(counter, { direction: ['sent', 'received'] });
    }
    metrics.start(metrics.directoryLookups, { result: ['hit', 'miss'] });
  }

  #collectMessages(): void {
    const { metrics } = this;
    const counted = this.node.messaging.statistics;
    const messages = (path: string, outcome: string, count: number) =>
      metrics.set(metrics.messages, count, { path, outcome });
    messages('local', 'delivered', counted.localDelivered);
    messages('local', 'absent', counted.localAbsent);
    messages('cluster', 'accepted', counted.clusterAccepted);
    for (const [code, count] of Object.entries(counted.clusterRefused)) messages('cluster', code, count);
    messages('inbound', 'delivered', counted.inboundDelivered);
    messages('inbound', 'absent', counted.inboundAbsent);
    metrics.remembered.set(this.node.messaging.remembered);
    metrics.set(metrics.deliveries, counted.localDeliveries, { path: 'local' });
    metrics.set(metrics.deliveries, counted.inboundDeliveries, { path: 'inbound' });
  }

  #collectCluster(): void {
    const { metrics, node } = this;
    metrics.clusterReady.set(Number(node.cluster.health().ready));
    const peers = node.cluster.peers();
    for (const state of PEER_STATES) {
      metrics.peers.set({ state }, peers.filter((peer) => peer.state === state).length);
    }
    // peers that have left must not keep their last values
    metrics.peerLoss.reset();
    metrics.peerRoundTrip.reset();
    metrics.peerDatagram.reset();
    for (const { name, nodeId, loss, roundTripMs, datagramBytes } of peers) {
      const labels = { peer: name, peer_id: nodeId };
      metrics.peerLoss.set(labels, loss);
      if (roundTripMs !== null) metrics.peerRoundTrip.set(labels, roundTripMs / 1000);
      if (datagramBytes !== null) metrics.peerDatagram.set(labels, datagramBytes);
    }
    for (const [kind, count] of Object.entries(node.cluster.rejectedBodies)) {
      metrics.set(metrics.bodiesRejected, count, { kind });
    }
  }

  #collectProtocol(): void {
    const { metrics } = this;
    const counted = this.node.cluster.statistics();
    metrics.set(metrics.clusterMessages, counted.messagesSent, { direction: 'sent' });
    metrics.set(metrics.clusterMessages, counted.messagesReceived, { direction: 'received' });
    metrics.set(metrics.clusterVolatile, counted.volatileSent, { direction: 'sent' });
    metrics.set(metrics.clusterVolatile, counted.volatileReceived, { direction: 'received' });
    metrics.set(metrics.volatileDropped, counted.volatileDropped, { where: 'cluster' });
    metrics.set(metrics.volatileDropped, counted.volatileLate, { where: 'late' });
    metrics.set(metrics.clusterDatagrams, counted.datagramsSent, { direction: 'sent' });
    metrics.set(metrics.clusterDatagrams, counted.datagramsReceived, { direction: 'received' });
    metrics.set(metrics.datagramsDropped, counted.datagramsDropped);
    for (const [reason, count] of Object.entries(counted.datagramsRejected)) {
      metrics.set(metrics.datagramsRejected, count, { reason });
    }
    metrics.set(metrics.recordsRepaired, counted.recordsRepaired);
    metrics.set(metrics.recordsRequested, counted.recordsRequested);
    metrics.set(metrics.answersDropped, counted.answersDropped);
    metrics.queueBytes.set(counted.queuedBytes);
    metrics.queueRecords.set(counted.queuedRecords);
    metrics.heldBytes.set(counted.heldBytes);
    metrics.receiptsWaiting.set(counted.receiptsWaiting);
    metrics.answerBytes.set(counted.answerBytes);
    metrics.peersHeard.set(counted.peersHeard);
    metrics.directoryEntries.set(counted.directoryEntries);
    metrics.directoryBytes.set(counted.directoryBytes);
    metrics.set(metrics.directoryLookups, counted.directoryHits, { result: 'hit' });
    metrics.set(metrics.directoryLookups, counted.directoryMisses, { result: 'miss' });
  }

  async #collectUdp(): Promise<void> {
    const { metrics } = this;
    const { udp } = this.node;
    const counted = udp.statistics;
    metrics.set(metrics.udpDatagrams, counted.datagramsSent, { direction: 'sent' });
    metrics.set(metrics.udpDatagrams, counted.datagramsReceived, { direction: 'received' });
    metrics.set(metrics.udpBytes, counted.bytesSent, { direction: 'sent' });
    metrics.set(metrics.udpBytes, counted.bytesReceived, { direction: 'received' });
    metrics.set(metrics.udpErrors, counted.sendErrors, { kind: 'send' });
    metrics.set(metrics.udpErrors, counted.socketErrors, { kind: 'socket' });
    if (!udp.isOpen) return;
    metrics.udpBacklog.set(udp.backlogBytes);
    metrics.udpReceiveBuffer.set(udp.receiveBufferBytes);
    const drops = await this.#drops.count();
    if (drops !== null) metrics.set(metrics.udpKernelDrops, drops);
  }
}
