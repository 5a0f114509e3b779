import { Injectable, type NestMiddleware } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { bearerCredentials } from '../../authentication/bearer-token.js';
import { ApiError } from './api-error.js';
import { ApiKeys } from './api-keys.js';

/** A middleware, not a guard: guards run after the body was read, and a stranger's body must not be read. */
@Injectable()
export class ApiKeyMiddleware implements NestMiddleware<Request, Response> {
  constructor(private readonly keys: ApiKeys) {}

  use(request: Request, response: Response, next: NextFunction): void {
    if (this.keys.isEmpty) throw new ApiError('api_disabled');
    const [key, ...others] = bearerCredentials(request);
    const index = key === undefined || others.length > 0 ? -1 : this.keys.find(key);
    if (index < 0) throw new ApiError('unauthorized');
    response.locals['apiKey'] = index;
    next();
  }
}
