import { setTimeout as sleep } from 'node:timers/promises';
import type { TestClient } from '../../src/testing/test-client.js';

export interface Answer {
  readonly event: string;
  readonly data: { readonly delivered: number; readonly complete: boolean; readonly code?: string };
}

/** Sends until the answer says that one device got it, and that there is no other. Returns how long it took. */
export async function untilReached(client: TestClient, user: string, patienceMs: number): Promise<number> {
  const started = Date.now();
  for (let attempt = 1; ; attempt += 1) {
    const answer = await client.ask({ user_id: user, data: -1 }, `u${attempt}`);
    const { event, data } = answer as unknown as Answer;
    if (event === 'ack' && data.delivered === 1 && data.complete) return Date.now() - started;
    if (Date.now() - started > patienceMs) throw new Error(`not reached: ${JSON.stringify({ event, data })}`);
    await sleep(50);
  }
}
