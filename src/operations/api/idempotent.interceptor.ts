import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { Request, Response } from 'express';
import { createHash } from 'node:crypto';
import { defer, lastValueFrom, map, type Observable } from 'rxjs';
import { ApiError } from './api-error.js';
import { Idempotency } from './idempotency.js';

/** Implements Idempotency-Key at the endpoints that send. The answer to a repetition has a header that says so. */
@Injectable()
export class IdempotentInterceptor implements NestInterceptor {
  constructor(private readonly idempotency: Idempotency) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<Request>();
    const response = context.switchToHttp().getResponse<Response>();
    const key = request.headers['idempotency-key'];
    if (key === undefined) return next.handle();
    if (typeof key !== 'string' || !/^[\x21-\x7e]{1,128}$/.test(key)) {
      throw new ApiError('bad_idempotency_key');
    }
    const ofThisCaller = `${String(response.locals['apiKey'])} ${key}`;
    return defer(async () =>
      this.idempotency.once(ofThisCaller, fingerprintOf(request), async () =>
        lastValueFrom<object>(next.handle()),
      ),
    ).pipe(
      map(({ answer, isRepetition }) => {
        if (isRepetition) response.setHeader('Idempotency-Replayed', 'true');
        return answer;
      }),
    );
  }
}

function fingerprintOf({ method, originalUrl, body }: Request): string {
  const hash = createHash('sha256').update(`${method} ${originalUrl}\n`);
  if (Buffer.isBuffer(body)) hash.update(body);
  return hash.digest('base64');
}
