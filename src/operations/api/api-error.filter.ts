import { Catch, HttpException, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { Response } from 'express';
import { describeError } from '../../telemetry/excerpt.js';
import { LogBudget } from '../../telemetry/log-budget.js';
import { API_ERRORS, ApiError, type ApiErrorCode } from './api-error.js';

/** The codes of errors that Nest, Express and the body parser make, by status. */
const CODES: Readonly<Record<number, ApiErrorCode>> = {
  404: 'not_found',
  413: 'too_large',
  415: 'unsupported_media_type',
};

/** Gives every error of the operators' door a body of the table. Only the log has the cause. */
@Catch()
export class ApiErrorFilter implements ExceptionFilter {
  readonly #warnings = new LogBudget(new Logger('OperatorsDoor'));

  catch(error: unknown, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse<Response>();
    if (isHealthReport(error)) {
      response.status(error.getStatus()).json(error.getResponse());
      return;
    }
    const answer = this.#toApiError(error);
    const { status } = API_ERRORS[answer.code];
    if (status === 401) response.setHeader('WWW-Authenticate', 'Bearer');
    if (status === 503) response.setHeader('Retry-After', '1');
    response.status(status).json(answer.getResponse());
  }

  #toApiError(error: unknown): ApiError {
    if (error instanceof ApiError) return error;
    if (error instanceof HttpException && error.getStatus() < 500) {
      return new ApiError(CODES[error.getStatus()] ?? 'bad_request');
    }
    this.#warnings.warn(
      'internal',
      `A request failed, which is a bug; report it with this: ${describeError(error)}`,
    );
    return new ApiError('internal');
  }
}

/** The answer of a failed health check is the report itself. */
function isHealthReport(error: unknown): error is HttpException {
  if (!(error instanceof HttpException)) return false;
  const body = error.getResponse();
  return typeof body === 'object' && 'details' in body;
}
