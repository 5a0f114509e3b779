import { Injectable, type NestMiddleware } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { Metrics } from '../../telemetry/metrics.js';

/** The label of requests that match no endpoint: their paths are chosen by strangers. */
const OTHER = 'other';

/** A route of Express. */
interface Route {
  readonly path: string;
  readonly methods: Readonly<Record<string, boolean>>;
}

/** The part of an Express application that has its routes. */
export interface Routed {
  readonly router: { readonly stack: readonly { readonly route?: Route }[] };
}

/** Every value that the label `route` can have. */
export function apiRoutes({ router }: Routed): string[] {
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
export class RequestCountMiddleware implements NestMiddleware<Request, Response> {
  constructor(private readonly metrics: Metrics) {}

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
