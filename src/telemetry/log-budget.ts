import type { LoggerService } from '@nestjs/common';

const LINES_PER_PERIOD = 5;
const PERIOD_MS = 10_000;

/**
 * Keeps warnings that strangers or a bad network can cause from filling the disk: it writes at most 5 lines in 10 s for
 * each topic. The next line that is written says how many were left out.
 */
export class LogBudget {
  readonly #topics = new Map<string, { since: number; written: number; left: number }>();

  constructor(
    private readonly logger: Pick<LoggerService, 'warn'>,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** `topic` comes from a fixed set in the code, never from input. So the map is bounded. */
  warn(topic: string, message: string): void {
    const now = this.now();
    let state = this.#topics.get(topic);
    if (state === undefined || now - state.since >= PERIOD_MS) {
      const left = state?.left ?? 0;
      state = { since: now, written: 0, left: 0 };
      this.#topics.set(topic, state);
      if (left > 0) message += ` (${left} similar lines left out)`;
    }
    if (state.written >= LINES_PER_PERIOD) {
      state.left++;
      return;
    }
    state.written++;
    this.logger.warn(message);
  }
}
