import { describe, expect, it } from '@jest/globals';
import { Idempotency, IDEMPOTENCY_ENTRIES_MAX, IDEMPOTENCY_LIFETIME_MS } from './idempotency.js';

describe('Idempotency', () => {
  it('makes a request once, and repeats its answer', async () => {
    const idempotency = new Idempotency();
    let made = 0;
    const request = async () => ++made;
    expect(await idempotency.once('k', 'f', request)).toEqual({ answer: 1, isRepetition: false });
    expect(await idempotency.once('k', 'f', request)).toEqual({ answer: 1, isRepetition: true });
    expect(await idempotency.once('other', 'f', request)).toEqual({ answer: 2, isRepetition: false });
  });

  it('forgets a request that failed', async () => {
    const idempotency = new Idempotency();
    await expect(
      idempotency.once('k', 'f', async () => Promise.reject(new Error('congested'))),
    ).rejects.toThrow('congested');
    expect(await idempotency.once('k', 'f', async () => 1)).toEqual({ answer: 1, isRepetition: false });
  });

  it('refuses a key that was used for another request', async () => {
    const idempotency = new Idempotency();
    await idempotency.once('k', 'f', async () => 1);
    await expect(idempotency.once('k', 'g', async () => 2)).rejects.toMatchObject({
      code: 'idempotency_conflict',
    });
  });

  it('forgets after its lifetime', async () => {
    let now = 0;
    const idempotency = new Idempotency(() => now);
    await idempotency.once('k', 'f', async () => 1);
    now = IDEMPOTENCY_LIFETIME_MS;
    expect(await idempotency.once('k', 'f', async () => 2)).toEqual({ answer: 2, isRepetition: false });
  });

  it('keeps a bounded number of requests, the latest', async () => {
    const idempotency = new Idempotency(() => 0);
    for (let i = 0; i <= IDEMPOTENCY_ENTRIES_MAX; i++) await idempotency.once(`k${i}`, 'f', async () => i);
    expect(idempotency.size).toBe(IDEMPOTENCY_ENTRIES_MAX);
    expect((await idempotency.once('k1', 'f', async () => -1)).isRepetition).toBe(true);
    expect((await idempotency.once('k0', 'f', async () => -1)).isRepetition).toBe(false);
  });
});
