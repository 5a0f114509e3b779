import { Injectable } from '@nestjs/common';
import { Metrics } from '../../telemetry/metrics.js';
import { ClusterMetrics } from './cluster-metrics.js';
import { NodeMetrics } from './node-metrics.js';
import { PublicMetrics } from './public-metrics.js';

/** The node's own metrics. What happens often is read from counters at a scrape. */
@Injectable()
export class MetricsCollection {
  #scrape: Promise<string> | undefined;

  constructor(
    private readonly metrics: Metrics,
    private readonly node: NodeMetrics,
    private readonly door: PublicMetrics,
    private readonly cluster: ClusterMetrics,
  ) {}

  get names(): string[] {
    return this.metrics.registry.getMetricsAsArray().map(({ name }) => name);
  }

  /** All metrics in Prometheus' text format. Scrapes that overlap share one result. */
  async scrape(): Promise<string> {
    this.#scrape ??= this.#collect().finally(() => {
      this.#scrape = undefined;
    });
    return this.#scrape;
  }

  async #collect(): Promise<string> {
    this.node.collect();
    this.door.collect(this.metrics);
    await this.cluster.collect();
    return this.metrics.registry.metrics();
  }
}
