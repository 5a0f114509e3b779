import { Injectable } from '@nestjs/common';
import { RoomPresence } from '../../presence/room-presence.js';
import { UserWatches } from '../../presence/user-watches.js';
import { WatchedUsers } from '../../presence/watched-users.js';
import type { Metrics } from '../../telemetry/metrics.js';

/** Users whom clients watch, and who is seen in rooms. It has no life-cycle hooks; see RunningNode. */
@Injectable()
export class PresenceMetrics {
  constructor(
    private readonly users: WatchedUsers,
    private readonly watches: UserWatches,
    private readonly rooms: RoomPresence,
  ) {}

  /** Copies the figures of this moment into the metrics. */
  collect(metrics: Metrics): void {
    metrics.watchedUsers.set(this.watches.size);
    metrics.presenceRooms.set(this.rooms.watchedRooms);
    metrics.presenceBytes.set(this.rooms.bytes);
    metrics.set(metrics.presenceMalformed, this.rooms.malformed);
    for (const [change, count] of Object.entries({ ...this.users.changes, ...this.rooms.changes })) {
      metrics.set(metrics.presenceChanges, count, { change });
    }
  }
}
