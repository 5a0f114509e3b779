import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { WsException } from '@nestjs/websockets';
import { moduleFailed } from '../../telemetry/module-failures.js';
import { FrameRequest } from './frame-request.js';

/** What Nest says when a guard refuses. */
const FORBIDDEN_RESOURCE = 'Forbidden resource';

/**
 * Turns what handlers, guards and pipes throw into error frames of the protocol, with the request's id. A
 * WsException is an answer to the client: its text becomes the message of the code `rejected`, or it brings a code of
 * its own (`new WsException({ code: 'room_full', message: '…', retryable: true })`). So are the HTTP exceptions
 * below 500 that Nest's pipes throw. Anything else is a bug: the client gets `internal`, the log the error.
 */
@Catch()
export class FrameExceptionFilter implements ExceptionFilter {
  /** @param gateway the name of its class, for the log */
  constructor(private readonly gateway: string) {}

  catch(exception: unknown, host: ArgumentsHost): void {
    const request = host.getArgByIndex<FrameRequest | undefined>(2);
    // the error comes from something else, e.g. from making a request-scoped gateway
    if (!(request instanceof FrameRequest)) {
      moduleFailed('hook', `${this.gateway} for a client`, exception);
    } else if (exception instanceof WsException) {
      refuse(request, exception.getError());
    } else if (exception instanceof HttpException && exception.getStatus() < 500) {
      if ([401, 403].includes(exception.getStatus())) request.fail('forbidden', exception.message);
      else request.fail('rejected', textOf(exception));
    } else {
      moduleFailed('handler', `${this.gateway}, event "${request.event}"`, exception);
      request.fail('internal');
    }
  }
}

function refuse(request: FrameRequest, error: string | object): void {
  if (typeof error === 'string') {
    if (error === FORBIDDEN_RESOURCE) request.fail('forbidden');
    else request.fail('rejected', error);
    return;
  }
  const { code, message, retryable } = error as Partial<Record<'code' | 'message' | 'retryable', unknown>>;
  const text = typeof message === 'string' ? message : undefined;
  if (typeof code === 'string' && code !== '')
    request.refuse({ code, message: text ?? code, retryable: retryable === true });
  else request.fail('rejected', text);
}

/** Pipes that validate list what is wrong, beside the message of the exception. */
function textOf(exception: HttpException): string {
  const response = exception.getResponse();
  const details = typeof response === 'object' && 'message' in response ? response.message : undefined;
  return Array.isArray(details) ? details.join('; ') : exception.message;
}
