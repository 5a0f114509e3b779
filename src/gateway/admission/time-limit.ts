/** What `work` gives, or `late` when it takes longer than `limitMs`. */
export async function within<T>(limitMs: number, work: Promise<T>, late: T): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    // not an AbortController with timers/promises: that costs a connection 30 us more
    const timer = setTimeout(resolve, limitMs, late);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
