import { Injectable, type NestMiddleware, type OnApplicationBootstrap } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { NextFunction, Request, Response } from 'express';
import { Metrics } from '../../telemetry/metrics.js';
import { API_ERRORS } from '../api/api-error.js';

const API_STATUSES = [200, ...Object.values(API_ERRORS).map(({ status }) => status)].map(String);

/** The label of requests that match no endpoint: their paths are chosen by strangers. */
const OTHER = 'other';

/** A route of Express. */
interface Route {
  readonly path: string;
  readonly methods: Readonly<Record<string, boolean>>;
}

/** The part of an Express application that has its routes. */
interface Routed {
  readonly router: { readonly stack: readonly { readonly route?: Route }[] };
}

/** Every value that the label `route` can have. */
function apiRoutes({ router }: Routed): string[] {
  const routes = router.stack.flatMap(({ route }) =>
    route?.path.startsWith('/v1/') ? [labelOf(route)] : [],
  );
  return [...new Set([...routes, OTHER])];
}

/** The route's pattern, never the path: that would make a label per user. */
function labelOf({ path, methods }: Route): string {
  return path.includes('*') ? OTHER : `${Object.keys(methods).join(',').toUpperCase()} ${path}`;
}

/** Counts the API's requests by route and status. */
@Injectable()
export class RequestCountMiddleware implements NestMiddleware<Request, Response>, OnApplicationBootstrap {
  constructor(
    private readonly metrics: Metrics,
    private readonly door: HttpAdapterHost,
  ) {}

  /** Shows the counters as 0 before the first request. */
  onApplicationBootstrap(): void {
    const routes = apiRoutes(this.door.httpAdapter.getInstance<Routed>());
    this.metrics.start(this.metrics.apiRequests, { route: routes, status: API_STATUSES });
  }

  use(request: Request, response: Response, next: NextFunction): void {
    response.once('finish', () => {
      const route = request.route as Route | undefined;
      this.metrics.apiRequests.inc({
        route: route === undefined ? OTHER : labelOf(route),
        status: String(response.statusCode),
      });
    });
    next();
  }
}
