import { Injectable } from '@nestjs/common';
import { Metrics } from '../../telemetry/metrics.js';
import { moduleFailures } from '../../telemetry/module-failures.js';
import { Idempotency } from '../api/idempotency.js';
import { Callers } from '../callers.js';
import { Load } from '../health/load.js';
import { Readiness } from '../health/readiness.js';

/** Whether the node can serve, its process, and what its modules and operators make of it. */
@Injectable()
export class NodeMetrics {
  constructor(
    private readonly metrics: Metrics,
    private readonly readiness: Readiness,
    private readonly load: Load,
    private readonly idempotency: Idempotency,
    private readonly callers: Callers,
  ) {
    metrics.startTime.set(performance.timeOrigin / 1000);
  }

  /** Copies the figures of this moment into the metrics. */
  collect(): void {
    const { metrics } = this;
    metrics.ready.set(Number(this.readiness.isReady));
    metrics.overloaded.set(Number(this.load.isOverloaded));
    metrics.idempotencyBytes.set(this.idempotency.bytes);
    metrics.operationsSockets.set(this.callers.size);
    metrics.set(metrics.operationsSocketsCut, this.callers.cut);
    for (const [kind, count] of Object.entries(moduleFailures)) {
      metrics.set(metrics.moduleFailures, count, { kind });
    }
    this.#collectProcess();
  }

  #collectProcess(): void {
    const { metrics } = this;
    const { user, system } = process.cpuUsage();
    metrics.set(metrics.cpu, (user + system) / 1e6);
    const memory = process.memoryUsage();
    metrics.residentMemory.set(memory.rss);
    metrics.heapUsed.set(memory.heapUsed);
    metrics.externalMemory.set(memory.external);
    for (const [quantile, ms] of Object.entries(this.load.eventLoop.takeQuantiles())) {
      metrics.eventLoopLag.set({ quantile }, ms / 1000);
    }
  }
}
