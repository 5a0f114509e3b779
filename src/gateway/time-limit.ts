import { setTimeout as delay } from 'node:timers/promises';

/** What `work` gives, or `late` when it takes longer than `limitMs`. */
export async function within<T>(limitMs: number, work: T | Promise<T>, late: T): Promise<T> {
  const decided = new AbortController();
  try {
    return await Promise.race([work, delay(limitMs, late, { signal: decided.signal, ref: false })]);
  } finally {
    decided.abort();
  }
}
