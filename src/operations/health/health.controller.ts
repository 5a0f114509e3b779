import { Controller, Get } from '@nestjs/common';
import { HealthCheck, HealthCheckService, type HealthCheckResult } from '@nestjs/terminus';
import { Readiness } from './readiness.js';
import { Documented } from '../reference/documented.js';

/** What terminus documents of a check. It would load the document's package by itself. */
const checkAnswers = (): MethodDecorator[] => [HealthCheck({ noCache: false, swaggerDocumentation: true })];

/** For load balancers and orchestrators. */
@Documented(({ ApiTags }) => [ApiTags('health')])
@Controller()
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly readiness: Readiness,
  ) {}

  /** The process answers. If it does not: restart it. */
  @Get('healthz')
  @Documented(checkAnswers)
  @HealthCheck({ noCache: true, swaggerDocumentation: false })
  async alive(): Promise<HealthCheckResult> {
    return this.health.check([]);
  }

  /** The node serves new clients. If it does not: send no new clients here. */
  @Get('readyz')
  @Documented(checkAnswers)
  @HealthCheck({ noCache: true, swaggerDocumentation: false })
  async ready(): Promise<HealthCheckResult> {
    return this.health.check([...this.readiness.checks]);
  }
}
