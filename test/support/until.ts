import { setImmediate } from 'node:timers/promises';

/** After that it will never be so: the loop must not outlive its test. */
const PATIENCE_MS = 20_000;

/** Waits until a node of this process has noticed, turn by turn. */
export async function until(isSo: () => boolean): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!isSo()) {
    if (performance.now() > end) throw new Error(`never so: ${isSo.toString()}`);
    await setImmediate();
  }
}
