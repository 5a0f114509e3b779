import { Injectable } from '@nestjs/common';
import { UserWatches } from '../../presence/user-watches.js';
import { WatchedUsers } from '../../presence/watched-users.js';
import type { Metrics } from '../../telemetry/metrics.js';

/** Users whom clients watch. It has no life-cycle hooks; see RunningNode. */
@Injectable()
export class PresenceMetrics {
  constructor(
    private readonly users: WatchedUsers,
    private readonly watches: UserWatches,
  ) {}

  /** Copies the figures of this moment into the metrics. */
  collect(metrics: Metrics): void {
    metrics.watchedUsers.set(this.watches.size);
    for (const [change, count] of Object.entries(this.users.changes)) {
      metrics.set(metrics.presenceChanges, count, { change });
    }
  }
}
