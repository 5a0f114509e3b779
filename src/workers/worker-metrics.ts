import { Counter, Gauge, Registry } from 'prom-client';
import type { Place } from './place.js';

/** What the primary itself knows of its workers. It is shown beside each worker's own metrics. */
export class WorkerMetrics {
  readonly registry = new Registry();
  readonly #up = new Gauge({
    name: 'lanfare_worker_up',
    help: '1: the worker answered this scrape; 0: it has died and is not back yet, it starts, or it did not answer in time',
    labelNames: ['worker'],
    registers: [this.registry],
  });
  readonly #deaths = new Counter({
    name: 'lanfare_worker_deaths_total',
    help: 'Workers that ended by themselves, and were started again',
    labelNames: ['worker'],
    registers: [this.registry],
  });

  /** @param answered numbers of the workers that answered */
  async text(places: readonly Place[], answered: ReadonlySet<number>): Promise<string> {
    this.#deaths.reset();
    for (const { number, deaths } of places) {
      this.#up.set({ worker: number }, answered.has(number) ? 1 : 0);
      this.#deaths.inc({ worker: number }, deaths);
    }
    return this.registry.metrics();
  }
}
