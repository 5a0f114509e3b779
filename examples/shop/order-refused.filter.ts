import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FrameRequest } from 'lanfare';

/** The order cannot be taken. The client is told why. */
export class OrderRefusedError extends Error {
  constructor(
    readonly code: 'cart_empty' | 'cart_full' | 'nobody_packs',
    message: string,
    readonly retryable = false,
  ) {
    super(message);
  }
}

/** Answers with an error frame that has the shop's own code. Without it the client would get `internal`. */
@Catch(OrderRefusedError)
export class OrderRefusedFilter implements ExceptionFilter {
  catch(error: OrderRefusedError, host: ArgumentsHost): void {
    host.getArgByIndex<FrameRequest>(2).refuse(error);
  }
}
