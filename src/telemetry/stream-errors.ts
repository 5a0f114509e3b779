import { Logger } from '@nestjs/common';
import { config } from 'rxjs';
import { LogBudget } from './log-budget.js';

/**
 * rxjs rethrows what a subscriber throws from a timer, which would end the process: a bug in one module's
 * subscription must cost that module alone. It is logged instead. A handler the application set itself stays.
 */
export function survivePoorSubscribers(): void {
  const budget = new LogBudget(new Logger('Streams'));
  config.onUnhandledError ??= (error: unknown) =>
    budget.warn(
      'subscriber',
      `A subscriber of a stream threw; fix its handler: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
}
