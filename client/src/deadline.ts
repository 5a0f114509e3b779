/** A timer later than this was throttled, or nothing ran at all: a frozen page, a machine asleep. */
export const LATE_MS = 1000;

/**
 * Calls `onEnd` once, `ms` from now. When the timer comes late it waits once more: what arrived meanwhile may not have
 * been heard yet, for timers often run before what the network brought.
 *
 * @returns a function that cancels it
 */
export function deadline(ms: number, onEnd: () => void): () => void {
  let timer: ReturnType<typeof setTimeout>;
  const wait = (isLast: boolean): void => {
    const due = Date.now() + ms;
    timer = setTimeout(() => {
      if (isLast || Date.now() <= due + LATE_MS) onEnd();
      else wait(true);
    }, ms);
  };
  wait(false);
  return () => clearTimeout(timer);
}
