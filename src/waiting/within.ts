/** What `work` gives, or `late` when it takes longer than `limitMs`. */
export async function within<T>(limitMs: number, work: Promise<T>, late: T): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    // not an AbortController with timers/promises: that costs a connection 30 us more
    const timer = setTimeout(resolve, limitMs, late);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

const LATE = Symbol('late');

/** What `work` gives. Rejects when it takes longer than `limitMs`. */
export async function inTime<T>(limitMs: number, work: PromiseLike<T>): Promise<T> {
  const result = await within<T | typeof LATE>(limitMs, Promise.resolve(work), LATE);
  if (result === LATE) throw new Error(`no answer within ${limitMs} ms`);
  return result;
}
