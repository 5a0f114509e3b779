import type { Boot } from './timeline.js';

/** A client's connection, as the simulation sees it. */
export interface Device {
  readonly id: number;
  /** A user's, or a room's of which it is a member: see `addressOf`. */
  readonly address: string;
  readonly boot: Boot;
  isReady: boolean;
  isGone: boolean;
}
