import { Controller, Get, Header } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { MetricsCollection } from './metrics-collection.js';

@ApiExcludeController()
@Controller('metrics')
export class MetricsController {
  constructor(private readonly collection: MetricsCollection) {}

  /** For Prometheus. */
  @Get()
  @Header('Content-Type', 'text/plain; version=0.0.4; charset=utf-8')
  async metrics(): Promise<string> {
    return this.collection.scrape();
  }
}
