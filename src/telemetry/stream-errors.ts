import { config } from 'rxjs';
import { moduleFailed } from './module-failures.js';

/**
 * rxjs rethrows what a subscriber throws from a timer, which would end the process: a bug in one module's
 * subscription must cost that module alone. It is logged instead. A handler the application set itself stays.
 */
export function survivePoorSubscribers(): void {
  config.onUnhandledError ??= (error: unknown) =>
    moduleFailed('subscriber', 'A subscriber of a stream', error);
}
