import { Injectable } from '@nestjs/common';
import { Everybody } from '../../rooms/everybody.js';
import { Fanout } from '../../rooms/fanout.js';
import { Memberships } from '../../rooms/memberships.js';
import { RoomAccess } from '../../rooms/room-access.js';
import { RoomMessaging } from '../../rooms/room-messaging.js';
import type { RoomStatistics } from '../../rooms/room-statistics.js';
import type { Metrics } from '../../telemetry/metrics.js';

/** Rooms, who is in them, and what became of messages to them and to everybody. It has no life-cycle hooks; see RunningNode. */
@Injectable()
export class RoomMetrics {
  constructor(
    private readonly memberships: Memberships,
    private readonly messaging: RoomMessaging,
    private readonly access: RoomAccess,
    private readonly everybody: Everybody,
    private readonly fanout: Fanout,
  ) {}

  /** Copies the figures of this moment into the metrics. */
  collect(metrics: Metrics): void {
    const { statistics } = this.messaging;
    metrics.rooms.set(this.memberships.rooms);
    metrics.memberships.set(this.memberships.size);
    metrics.roomsRemembered.set(this.messaging.remembered);
    metrics.set(metrics.roomClaimsMalformed, this.access.malformedClaims);
    metrics.roomWaitingBytes.set(this.fanout.waitingBytes);
    collectMessages(metrics, metrics.roomMessages, statistics);
    metrics.set(metrics.roomDeliveries, statistics.deliveries);
    collectMessages(metrics, metrics.broadcasts, this.everybody.statistics);
    metrics.set(metrics.broadcastDeliveries, this.everybody.statistics.deliveries);
    metrics.set(metrics.volatileDropped, statistics.volatileDropped, { where: 'room' });
  }
}

function collectMessages(
  metrics: Metrics,
  counter: Metrics['roomMessages'],
  { posted, refused, received, dropped }: RoomStatistics,
): void {
  metrics.set(counter, posted, { path: 'local', outcome: 'accepted' });
  for (const [outcome, count] of Object.entries(refused)) {
    metrics.set(counter, count, { path: 'local', outcome });
  }
  metrics.set(counter, received - dropped, { path: 'inbound', outcome: 'accepted' });
  metrics.set(counter, dropped, { path: 'inbound', outcome: 'dropped' });
}
