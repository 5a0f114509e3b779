import { config } from 'rxjs';
import { moduleFailed } from './module-failures.js';

/**
 * rxjs rethrows from a timer what a subscriber throws. That would end the process because of a bug in one module.
 * Here it is logged instead. A handler that the application has set itself is kept.
 */
export function logSubscriberErrors(): void {
  config.onUnhandledError ??= (error: unknown) =>
    moduleFailed('subscriber', 'A subscriber of a stream', error);
}
