/** What an application tells of its node, and the limits that it checks itself. */
import type { Device } from './device.js';
import type { Hearing } from './hearing.js';
import type { Promises } from './promise.js';
import type { Boot, Timeline } from './timeline.js';
import type { Trace } from './trace.js';

export interface Oracles {
  readonly promises: Promises;
  readonly timeline: Timeline;
  readonly hearing: Hearing;
  readonly trace: Trace;
  readonly worldNow: () => number;
  /** The other boots of the cluster, living or not. */
  readonly boots: readonly Boot[];
  /** Gives each device its number. */
  readonly nextDevice: () => number;
  /** A device is ready, and the core says that every node routes to it. */
  readonly judgeReach: (device: Device) => void;
}

/** The limits that the core must keep. */
export interface Expectations {
  readonly barrierMs: number;
  readonly deadAfterMs: number;
  readonly receiptTimeoutMs: number;
  readonly slackMs: number;
  readonly queuedBytesMax: number;
  readonly queuedRecordsMax: number;
  readonly peersMax: number;
}
