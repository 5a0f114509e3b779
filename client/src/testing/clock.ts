import { jest } from '@jest/globals';

/** Stands still until the test moves it. Sockets go on: only timers and the time of day are the test's. */
export function stopClock(): void {
  jest.useFakeTimers({
    doNotFake: [
      'nextTick',
      'setImmediate',
      'clearImmediate',
      'queueMicrotask',
      'hrtime',
      'setInterval',
      'clearInterval',
    ],
  });
}

/** Time passes in which no timer runs: a machine sleeps, a page is frozen. What was due runs at once after it. */
export function sleepClock(ms: number): void {
  jest.setSystemTime(Date.now() + ms);
}
