import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { HealthCheck, HealthCheckService, type HealthCheckResult } from '@nestjs/terminus';
import { Readiness } from './readiness.js';

/** For load balancers and orchestrators. */
@ApiTags('health')
@Controller()
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly readiness: Readiness,
  ) {}

  /** The process answers. If it does not: restart it. */
  @Get('healthz')
  @HealthCheck()
  async alive(): Promise<HealthCheckResult> {
    return this.health.check([]);
  }

  /** The node serves new clients. If it does not: send no new clients here. */
  @Get('readyz')
  @HealthCheck()
  async ready(): Promise<HealthCheckResult> {
    return this.health.check([...this.readiness.checks]);
  }
}
