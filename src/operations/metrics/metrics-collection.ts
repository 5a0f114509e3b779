import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { Subscription } from 'rxjs';
import { GAP_KINDS, PEER_CHANGES, PEER_STATES, REJECTIONS } from '../../cluster/bus/bus.js';
import { version } from '../../config/version.js';
import { SAMPLED_PATHS } from '../../messaging/message-sample.js';
import { KernelDrops } from '../../telemetry/kernel-drops.js';
import { moduleFailures } from '../../telemetry/module-failures.js';
import { Metrics } from '../../telemetry/metrics.js';
import { Load } from '../health/load.js';
import { Readiness } from '../health/readiness.js';
import { API_ERRORS } from '../api/api-error.js';
import { Idempotency } from '../api/idempotency.js';
import { Callers } from '../callers.js';
import { RoomMetrics } from './room-metrics.js';
import { RunningNode } from '../running-node.js';
import { apiRoutes, type Routed } from './request-count.middleware.js';

const API_STATUSES = [200, ...Object.values(API_ERRORS).map(({ status }) => status)].map(String);

/**
 * Fills the metrics from the live node. What happens often is read from counters at a scrape. Only rare events
 * (samples, gaps, peers) are counted as they happen.
 */
@Injectable()
export class MetricsCollection implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #drops = new KernelDrops();
  readonly #subscriptions: readonly Subscription[];
  #scrape: Promise<string> | undefined;

  constructor(
    private readonly metrics: Metrics,
    private readonly node: RunningNode,
    private readonly rooms: RoomMetrics,
    private readonly readiness: Readiness,
    private readonly load: Load,
    private readonly idempotency: Idempotency,
    private readonly callers: Callers,
    private readonly door: HttpAdapterHost,
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
    metrics.nodeInfo.set(
      { node_id: cluster.nodeId, node_name: node.name, version: version(), bus: node.bus },
      1,
    );
    metrics.startTime.set(performance.timeOrigin / 1000);
  }

  onApplicationBootstrap(): void {
    const { metrics, door } = this;
    const routes = apiRoutes(door.httpAdapter.getInstance<Routed>());
    metrics.start(metrics.apiRequests, { route: routes, status: API_STATUSES });
  }

  onApplicationShutdown(): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
  }

  get names(): string[] {
    return this.metrics.registry.getMetricsAsArray().map(({ name }) => name);
  }

  /** All metrics in Prometheus' text format. Scrapes that overlap share one result. */
  async scrape(): Promise<string> {
    this.#scrape ??= this.#collect().finally(() => {
      this.#scrape = undefined;
    });
    return this.#scrape;
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

  async #collect(): Promise<string> {
    this.#collectNode();
    this.#collectClients();
    this.#collectMessages();
    this.#collectCluster();
    this.#collectProtocol();
    this.rooms.collect(this.metrics);
    await this.#collectUdp();
    this.#collectModules();
    this.#collectProcess();
    return this.metrics.registry.metrics();
  }

  #collectNode(): void {
    this.metrics.ready.set(Number(this.readiness.isReady));
    this.metrics.overloaded.set(Number(this.load.isOverloaded));
    this.metrics.idempotencyBytes.set(this.idempotency.bytes);
    this.metrics.operationsSockets.set(this.callers.size);
    this.metrics.set(this.metrics.operationsSocketsCut, this.callers.cut);
  }

  #collectClients(): void {
    const { metrics, node } = this;
    metrics.connections.set(node.clients.size);
    metrics.visitors.set(node.visitors.size);
    metrics.devices.set(node.connections.size);
    metrics.users.set(node.connections.userCount);
    metrics.clientBacklog.set(node.clients.backlogs.bytes);
    metrics.clientUnhandled.set(node.clients.unhandled.bytes);
    metrics.clientsPaused.set(node.clients.paused);
    metrics.set(metrics.clientsShed, node.clients.backlogs.shed, { limit: 'backlog' });
    metrics.set(metrics.clientsShed, node.clients.unhandled.shed, { limit: 'unhandled' });
    for (const [result, count] of Object.entries(node.gateway.handshakes)) {
      metrics.set(metrics.handshakes, count, { result });
    }
    for (const [reason, count] of Object.entries(node.authentication.refusals.counts)) {
      metrics.set(metrics.tokensRefused, count, { reason });
    }
    for (const [reason, count] of Object.entries(node.gateway.turnedAway)) {
      metrics.set(metrics.turnedAway, count, { reason });
    }
    metrics.set(metrics.frames, node.gateway.frames);
    for (const [code, count] of Object.entries(node.gateway.errors)) {
      metrics.set(metrics.errors, count, { code });
    }
    for (const [reason, count] of Object.entries(node.gateway.closes)) {
      metrics.set(metrics.closes, count, { reason });
    }
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
    for (const { name, nodeId, loss, roundTripMs } of peers) {
      const labels = { peer: name, peer_id: nodeId };
      metrics.peerLoss.set(labels, loss);
      if (roundTripMs !== null) metrics.peerRoundTrip.set(labels, roundTripMs / 1000);
    }
    for (const [kind, count] of Object.entries(node.cluster.rejectedBodies)) {
      metrics.set(metrics.bodiesRejected, count, { kind });
    }
  }

  #collectModules(): void {
    for (const [kind, count] of Object.entries(moduleFailures)) {
      this.metrics.set(this.metrics.moduleFailures, count, { kind });
    }
  }

  #collectProtocol(): void {
    const { metrics } = this;
    const counted = this.node.cluster.statistics();
    metrics.set(metrics.clusterMessages, counted.messagesSent, { direction: 'sent' });
    metrics.set(metrics.clusterMessages, counted.messagesReceived, { direction: 'received' });
    metrics.set(metrics.clusterDatagrams, counted.datagramsSent, { direction: 'sent' });
    metrics.set(metrics.clusterDatagrams, counted.datagramsReceived, { direction: 'received' });
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

  #collectProcess(): void {
    const { metrics } = this;
    const { user, system } = process.cpuUsage();
    metrics.set(metrics.cpu, (user + system) / 1e6);
    const memory = process.memoryUsage();
    metrics.residentMemory.set(memory.rss);
    metrics.heapUsed.set(memory.heapUsed);
    metrics.externalMemory.set(memory.external);
    for (const [quantile, ms] of Object.entries(this.load.eventLoop.takeQuantiles())) {
      metrics.eventLoopLag.set({ quantile }, ms / 1000);
    }
  }
}
