import { Injectable } from '@nestjs/common';
import { Authentication } from '../../authentication/authentication.js';
import { ConnectionRegistry } from '../../connections/connection-registry.js';
import { Clients } from '../../gateway/admission/clients.js';
import { Visitors } from '../../gateway/admission/visitors.js';
import { GatewayStatistics } from '../../gateway/gateway-statistics.js';
import type { Metrics } from '../../telemetry/metrics.js';

/**
 * Metrics of the public door: who is there, and what became of clients that came. It has no life-cycle hooks; see
 * RunningNode.
 */
@Injectable()
export class ClientMetrics {
  constructor(
    private readonly clients: Clients,
    private readonly visitors: Visitors,
    private readonly connections: ConnectionRegistry,
    private readonly statistics: GatewayStatistics,
    private readonly authentication: Authentication,
  ) {}

  /** Copies the figures of this moment into the metrics. */
  collect(metrics: Metrics): void {
    metrics.connections.set(this.clients.size);
    metrics.visitors.set(this.visitors.size);
    metrics.devices.set(this.connections.size);
    metrics.users.set(this.connections.userCount);
    metrics.clientBacklog.set(this.clients.backlogs.bytes);
    metrics.clientUnhandled.set(this.clients.unhandled.bytes);
    metrics.clientsPaused.set(this.clients.paused);
    metrics.set(metrics.clientsShed, this.clients.backlogs.shed, { limit: 'backlog' });
    metrics.set(metrics.clientsShed, this.clients.unhandled.shed, { limit: 'unhandled' });
    const { handshakes, turnedAway, frames, errors, closes, volatileDropped } = this.statistics;
    for (const [result, count] of Object.entries(handshakes)) {
      metrics.set(metrics.handshakes, count, { result });
    }
    for (const [reason, count] of Object.entries(this.authentication.refusals.counts)) {
      metrics.set(metrics.tokensRefused, count, { reason });
    }
    for (const [reason, count] of Object.entries(turnedAway)) {
      metrics.set(metrics.turnedAway, count, { reason });
    }
    metrics.set(metrics.frames, frames);
    metrics.set(metrics.volatileDropped, volatileDropped, { where: 'client' });
    for (const [code, count] of Object.entries(errors)) metrics.set(metrics.errors, count, { code });
    for (const [reason, count] of Object.entries(closes)) metrics.set(metrics.closes, count, { reason });
  }
}
