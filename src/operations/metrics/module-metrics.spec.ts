import { beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Counter, Registry } from 'prom-client';
import { moduleFailures } from '../../telemetry/module-failures.js';
import { ModuleMetrics } from './module-metrics.js';

const TAKEN = ['process_cpu_seconds_total'];

describe("modules' metrics", () => {
  let metrics: ModuleMetrics;
  let failuresBefore: number;

  beforeEach(() => {
    Logger.overrideLogger(false);
    metrics = new ModuleMetrics();
    failuresBefore = moduleFailures.metrics;
  });

  const failures = () => moduleFailures.metrics - failuresBefore;

  it('are those of registries of prom-client', async () => {
    const registry = new Registry();
    new Counter({ name: 'shop_orders_total', help: 'Orders', registers: [registry] }).inc(3);
    metrics.add(registry);
    expect(await metrics.scrape(TAKEN)).toMatch(/^shop_orders_total 3$/m);
    expect(failures()).toBe(0);
  });

  it('follow one another line by line', async () => {
    metrics.add({ metrics: () => 'a 1' });
    metrics.add({ metrics: async () => 'b 2\n' });
    expect(await metrics.scrape(TAKEN)).toBe('a 1\nb 2\n');
  });

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    ['rejects', async () => Promise.reject(new Error('no'))],
    ['gives no text', () => 5],
    ['has too much', () => 'x'.repeat(1_048_577)],
    ["is in OpenMetrics' format", () => 'a 1\n# EOF\n'],
    ["has a name of the node's", () => 'process_cpu_seconds_total 1\n'],
    ["has a name that could be the node's", () => 'lanfare_orders 1\n'],
    ["has another's name", () => 'good{x="1"} 2\n'],
    ["has another's name as a type", () => '# TYPE good gauge\n'],
  ])('do without a source that %s', async (_, source) => {
    metrics.add({ metrics: () => 'good 1\n' });
    metrics.add({ metrics: source as () => string });
    expect(await metrics.scrape(TAKEN)).toBe('good 1\n');
    expect(failures()).toBe(1);
  });
});
