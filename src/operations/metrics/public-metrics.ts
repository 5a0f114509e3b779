import { Injectable } from '@nestjs/common';
import type { Metrics } from '../../telemetry/metrics.js';
import { ClientMetrics } from './client-metrics.js';
import { PresenceMetrics } from './presence-metrics.js';
import { RoomMetrics } from './room-metrics.js';

/** All figures that the public application has: the operators' door gets them as one. It has no life-cycle hooks. */
@Injectable()
export class PublicMetrics {
  constructor(
    private readonly clients: ClientMetrics,
    private readonly rooms: RoomMetrics,
    private readonly presence: PresenceMetrics,
  ) {}

  /** Copies the figures of this moment into the metrics. */
  collect(metrics: Metrics): void {
    this.clients.collect(metrics);
    this.rooms.collect(metrics);
    this.presence.collect(metrics);
  }
}
