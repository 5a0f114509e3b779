import { Body, Controller, Headers, HttpCode, Param, Post, UseInterceptors } from '@nestjs/common';
import type { IncomingHttpHeaders } from 'node:http';
import type { z } from 'zod';
import { traceOf } from '../../messaging/message-tracing.js';
import { elementsOf } from '../../wire/json-members.js';
import type { TraceContext } from '../../wire/message.js';
import type { Outcome } from '../../wire/outgoing-frame.js';
import { RunningNode } from '../running-node.js';
import { API_ERRORS, ApiError, errorBody, type ErrorBody } from './api-error.js';
import { IdempotentInterceptor } from './idempotent.interceptor.js';
import type { JsonBody } from './json-body.pipe.js';
import { batchAnswer, batchBody, errorAnswer, messageBody, outcomeAnswer } from './schemas.js';
import { UserIdPipe } from './user-id.pipe.js';
import { Documented } from '../reference/documented.js';

export const IDEMPOTENCY_KEY = {
  name: 'Idempotency-Key',
  required: false,
  description: 'A repetition within five minutes, at this node, gets the first answer and sends nothing',
};

const TRACEPARENT = {
  name: 'traceparent',
  required: false,
  description: 'W3C Trace Context: where this node traces, the message goes on in the same trace',
};

/** Messages from backends. Their `from` is null. */
@Documented(({ ApiBearerAuth, ApiHeader, ApiResponse, ApiTags }) => [
  ApiTags('messages'),
  ApiBearerAuth(),
  ApiHeader(IDEMPOTENCY_KEY),
  ApiHeader(TRACEPARENT),
  ApiResponse({ status: '4XX', description: 'See the error codes', standardSchema: errorAnswer }),
  ApiResponse({ status: 503, description: API_ERRORS.congested.message, standardSchema: errorAnswer }),
])
@UseInterceptors(IdempotentInterceptor)
@Controller('v1')
export class MessagesController {
  constructor(private readonly node: RunningNode) {}

  @Documented(({ ApiOperation, ApiResponse }) => [
    ApiOperation({ summary: 'Send a message to every device of a user' }),
    ApiResponse({ status: 200, description: 'What became of it', standardSchema: outcomeAnswer }),
  ])
  @HttpCode(200)
  @Post('users/:user_id/messages')
  async send(
    @Param('user_id', UserIdPipe) userId: string,
    @Body({ schema: messageBody }) body: JsonBody<z.infer<typeof messageBody>>,
    @Headers() headers: IncomingHttpHeaders,
  ): Promise<Outcome> {
    const outcome = await this.#post(userId, body.text('data'), traceOf(headers));
    if (typeof outcome === 'string') throw new ApiError(outcome);
    return outcome;
  }

  @Documented(({ ApiOperation, ApiResponse }) => [
    ApiOperation({ summary: 'Send the same message to many users' }),
    ApiResponse({ status: 200, description: 'What became of each', standardSchema: batchAnswer }),
  ])
  @HttpCode(200)
  @Post('messages')
  async sendToMany(
    @Body({ schema: batchBody }) body: JsonBody<z.infer<typeof batchBody>>,
    @Headers() headers: IncomingHttpHeaders,
  ): Promise<z.infer<typeof batchAnswer>> {
    if (!areNumbersExact(body.text('user_ids'))) throw new ApiError('bad_user_id');
    const userIds = [...new Set(body.value.user_ids.map(String))];
    const data = body.text('data');
    const trace = traceOf(headers);
    const results = await Promise.all(
      userIds.map(async (userId) => {
        const outcome = await this.#post(userId, data, trace);
        return { user_id: userId, ...(typeof outcome === 'string' ? { error: error(outcome) } : outcome) };
      }),
    );
    return { results };
  }

  async #post(
    to: string,
    data: Buffer,
    trace: TraceContext | undefined,
  ): Promise<Outcome | 'too_large' | 'congested'> {
    return new Promise((resolve) => {
      const refusal = this.node.messaging.post({ to, from: null, data, trace }, resolve);
      if (refusal !== null) resolve(refusal);
    });
  }
}

function error(code: 'too_large' | 'congested'): ErrorBody & { problems?: never } {
  return errorBody(code) as ErrorBody & { problems?: never };
}

/** Whether JSON.parse keeps every number of a JSON array exactly. It would round others to another user's id. */
function areNumbersExact(json: Buffer): boolean {
  return elementsOf(json).every((element) => {
    const text = element.toString('utf8');
    return text.startsWith('"') || String(Number(text)) === text;
  });
}
