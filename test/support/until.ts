import { setImmediate } from 'node:timers/promises';

/** The longest wait: the loop must not outlive its test. */
const PATIENCE_MS = 20_000;

/** Waits until the condition holds. It is checked once in each turn. */
export async function until(isSo: () => boolean): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!isSo()) {
    if (performance.now() > end) throw new Error(`never so: ${isSo.toString()}`);
    await setImmediate();
  }
}
