import { Controller, Get, Header } from '@nestjs/common';
import { MetricsCollection } from './metrics-collection.js';
import { ModuleMetrics } from './module-metrics.js';
import { Documented } from '../reference/documented.js';

@Documented(({ ApiExcludeController }) => [ApiExcludeController()])
@Controller('metrics')
export class MetricsController {
  constructor(
    private readonly collection: MetricsCollection,
    private readonly modules: ModuleMetrics,
  ) {}

  /** For Prometheus: the node's own, then those of modules. */
  @Get()
  @Header('Content-Type', 'text/plain; version=0.0.4; charset=utf-8')
  async metrics(): Promise<string> {
    const own = await this.collection.scrape();
    return own + (await this.modules.scrape(this.collection.names));
  }
}
