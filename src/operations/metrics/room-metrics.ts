import { Injectable } from '@nestjs/common';
import { Memberships } from '../../rooms/memberships.js';
import { RoomMessaging } from '../../rooms/room-messaging.js';
import type { Metrics } from '../../telemetry/metrics.js';

/** Rooms, who is in them, and what became of messages to them. It is part of the public application, and has no hooks. */
@Injectable()
export class RoomMetrics {
  constructor(
    private readonly memberships: Memberships,
    private readonly messaging: RoomMessaging,
  ) {}

  /** Copies the figures of this moment into the metrics. */
  collect(metrics: Metrics): void {
    const { statistics } = this.messaging;
    metrics.rooms.set(this.memberships.rooms);
    metrics.memberships.set(this.memberships.size);
    metrics.roomWaitingBytes.set(this.messaging.waitingBytes);
    metrics.set(metrics.roomMessages, statistics.posted, { path: 'local', outcome: 'accepted' });
    for (const [outcome, count] of Object.entries(statistics.refused)) {
      metrics.set(metrics.roomMessages, count, { path: 'local', outcome });
    }
    metrics.set(metrics.roomMessages, statistics.received - statistics.dropped, {
      path: 'inbound',
      outcome: 'accepted',
    });
    metrics.set(metrics.roomMessages, statistics.dropped, { path: 'inbound', outcome: 'dropped' });
    metrics.set(metrics.roomDeliveries, statistics.deliveries);
  }
}
