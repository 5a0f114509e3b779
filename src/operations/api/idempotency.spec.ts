import { describe, expect, it } from '@jest/globals';
import {
  Idempotency,
  IDEMPOTENCY_BYTES_MAX,
  IDEMPOTENCY_ENTRIES_MAX,
  IDEMPOTENCY_LIFETIME_MS,
} from './idempotency.js';

describe('Idempotency', () => {
  it('makes a request once, and repeats its answer', async () => {
    const idempotency = new Idempotency();
    let made = 0;
    const request = async () => ({ made: ++made });
    expect(await idempotency.once('k', 'f', request)).toEqual({ answer: { made: 1 }, isRepetition: false });
    expect(await idempotency.once('k', 'f', request)).toEqual({ answer: { made: 1 }, isRepetition: true });
    expect(await idempotency.once('other', 'f', request)).toEqual({
      answer: { made: 2 },
      isRepetition: false,
    });
  });

  it('forgets a request that failed', async () => {
    const idempotency = new Idempotency();
    await expect(
      idempotency.once('k', 'f', async () => Promise.reject(new Error('congested'))),
    ).rejects.toThrow('congested');
    expect(await idempotency.once('k', 'f', async () => ({ made: 1 }))).toEqual({
      answer: { made: 1 },
      isRepetition: false,
    });
  });

  it('refuses a key that was used for another request', async () => {
    const idempotency = new Idempotency();
    await idempotency.once('k', 'f', async () => ({ made: 1 }));
    await expect(idempotency.once('k', 'g', async () => ({ made: 2 }))).rejects.toMatchObject({
      code: 'idempotency_conflict',
    });
  });

  it('forgets a request after its lifetime', async () => {
    let now = 0;
    const idempotency = new Idempotency(() => now);
    await idempotency.once('k', 'f', async () => ({ made: 1 }));
    now = IDEMPOTENCY_LIFETIME_MS;
    expect(await idempotency.once('k', 'f', async () => ({ made: 2 }))).toEqual({
      answer: { made: 2 },
      isRepetition: false,
    });
  });

  it('keeps a bounded number of requests, the latest', async () => {
    const idempotency = new Idempotency(() => 0);
    for (let i = 0; i <= IDEMPOTENCY_ENTRIES_MAX; i++)
      await idempotency.once(`k${i}`, 'f', async () => ({ made: i }));
    expect(idempotency.size).toBe(IDEMPOTENCY_ENTRIES_MAX);
    expect((await idempotency.once('k1', 'f', async () => ({ made: -1 }))).isRepetition).toBe(true);
    expect((await idempotency.once('k0', 'f', async () => ({ made: -1 }))).isRepetition).toBe(false);
  });

  it('keeps a bounded number of bytes, whatever the size of answers', async () => {
    const idempotency = new Idempotency(() => 0);
    const megabyte = { text: 'x'.repeat(1 << 20) };
    const most = IDEMPOTENCY_BYTES_MAX >> 20;
    for (let i = 0; i < 2 * most; i++) await idempotency.once(`k${i}`, 'f', async () => megabyte);
    expect(idempotency.bytes).toBeLessThanOrEqual(IDEMPOTENCY_BYTES_MAX);
    expect(idempotency.size).toBe(most - 1);
    expect(await idempotency.once(`k${2 * most - 1}`, 'f', async () => ({}))).toEqual({
      answer: megabyte,
      isRepetition: true,
    });
    expect((await idempotency.once('k0', 'f', async () => ({}))).isRepetition).toBe(false);
  });

  it('takes no memory when nothing is remembered', async () => {
    let now = 0;
    const idempotency = new Idempotency(() => now);
    await idempotency.once('k', 'f', async () => ({ text: 'x' }));
    await expect(idempotency.once('l', 'f', async () => Promise.reject(new Error('no')))).rejects.toThrow(
      'no',
    );
    now = IDEMPOTENCY_LIFETIME_MS;
    await expect(idempotency.once('m', 'f', async () => Promise.reject(new Error('no')))).rejects.toThrow(
      'no',
    );
    expect(idempotency).toMatchObject({ size: 0, bytes: 0 });
  });

  it('gives an answer that is under way to those who wait for it, even if it is forgotten meanwhile', async () => {
    let now = 0;
    const idempotency = new Idempotency(() => now);
    let finish!: (answer: object) => void;
    const first = idempotency.once(
      'k',
      'f',
      async () => new Promise<object>((resolve) => (finish = resolve)),
    );
    const second = idempotency.once('k', 'f', async () => ({}));
    now = IDEMPOTENCY_LIFETIME_MS;
    const third = await idempotency.once('k', 'f', async () => ({ made: 2 }));
    finish({ made: 1 });
    expect([await first, await second, third]).toEqual([
      { answer: { made: 1 }, isRepetition: false },
      { answer: { made: 1 }, isRepetition: true },
      { answer: { made: 2 }, isRepetition: false },
    ]);
    expect(await idempotency.once('k', 'f', async () => ({}))).toEqual({
      answer: { made: 2 },
      isRepetition: true,
    });
  });
});
