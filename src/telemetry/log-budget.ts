import type { LoggerService } from '@nestjs/common';

const LINES_PER_PERIOD = 5;
const PERIOD_MS = 10_000;

/**
 * Warnings that strangers or a sick network can provoke, kept from filling the disk: at most 5 lines per 10 s and
 * topic, and the number of those left out with the next one that is written.
 */
export class LogBudget {
  readonly #topics = new Map<string, { since: number; written: number; left: number }>();

  constructor(
    private readonly logger: Pick<LoggerService, 'warn'>,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** `topic` comes from a fixed set in our code, never from input: the map is bounded by it. */
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
