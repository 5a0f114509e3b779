import type { IntervalHistogram } from 'node:perf_hooks';

/** The histogram counts its timer's own interval as delay. Finer would wake an idle node 100 times a second. */
export const RESOLUTION_MS = 50;

/**
 * How late the event loop runs, in ms. One histogram has two readers: the load reads it each second, and the metrics at
 * each scrape. Each of them gets what was counted since it last read.
 */
export class EventLoop {
  /** The part of the histogram that `takeMean` has returned already. */
  #told = { count: 0, sumNs: 0 };

  /** @param delay enabled, with RESOLUTION_MS, and read by nobody else */
  constructor(private readonly delay: IntervalHistogram) {}

  /** 0 where nothing was counted, as while the loop stood still. */
  takeMean(): number {
    const now = this.#counted();
    const count = now.count - this.#told.count;
    const mean = count === 0 ? 0 : late((now.sumNs - this.#told.sumNs) / count);
    this.#told = now;
    return mean;
  }

  takeQuantiles(): { readonly p50: number; readonly p99: number; readonly max: number } {
    const { delay } = this;
    const taken = {
      p50: late(delay.percentile(50)),
      p99: late(delay.percentile(99)),
      max: late(delay.max),
    };
    const now = this.#counted();
    // what the other reader has not read yet belongs to its next mean
    this.#told = { count: this.#told.count - now.count, sumNs: this.#told.sumNs - now.sumNs };
    delay.reset();
    return taken;
  }

  #counted(): { count: number; sumNs: number } {
    const { count, mean } = this.delay;
    return { count, sumNs: count === 0 ? 0 : mean * count };
  }
}

function late(delayNs: number): number {
  return Math.max(0, delayNs / 1e6 - RESOLUTION_MS);
}
