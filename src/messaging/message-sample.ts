import type { Outcome } from '../wire/outgoing-frame.js';

/** The paths of a message that are timed. */
export const SAMPLED_PATHS = ['local', 'cluster'] as const;

/**
 * The timing of a sampled message. `local`: from its arrival to the end of the turn in which it was written to the
 * clients' sockets. `cluster`: a round trip, until every other node that holds the user has answered.
 */
export interface MessageSample {
  readonly path: (typeof SAMPLED_PATHS)[number];
  /** Milliseconds since the epoch, with fractions. */
  readonly startedAt: number;
  readonly durationMs: number;
  readonly outcome: Outcome;
}
