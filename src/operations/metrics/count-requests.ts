import { Injectable, type NestMiddleware } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { Metrics } from '../../telemetry/metrics.js';

/** Counts the API's requests by the route's pattern, never by the path: that would be a label per user. */
@Injectable()
export class CountRequests implements NestMiddleware<Request, Response> {
  constructor(private readonly metrics: Metrics) {}

  use(request: Request, response: Response, next: NextFunction): void {
    response.once('finish', () => {
      const route: unknown = (request.route as { path?: unknown } | undefined)?.path;
      this.metrics.apiRequests.inc({
        route: typeof route === 'string' && !route.includes('*') ? `${request.method} ${route}` : 'other',
        status: String(response.statusCode),
      });
    });
    next();
  }
}
