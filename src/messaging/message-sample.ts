import type { Outcome } from '../wire/outgoing-frame.js';

/** Which ways of a message are timed. */
export const SAMPLED_PATHS = ['local', 'cluster'] as const;

/**
 * One message in many, as it went. `local`: from its arrival to the end of the turn in which it was written to the
 * clients' sockets. `cluster`: until every other node that holds the user had answered: a round trip.
 */
export interface MessageSample {
  readonly path: (typeof SAMPLED_PATHS)[number];
  /** Milliseconds since the epoch, with fractions. */
  readonly startedAt: number;
  readonly durationMs: number;
  readonly outcome: Outcome;
}
