import { Body, Controller, HttpCode, Post, UseInterceptors } from '@nestjs/common';
import type { z } from 'zod';
import { RoomRefusedError, Rooms } from '../../rooms/rooms.js';
import type { Outcome } from '../../wire/outgoing-frame.js';
import { API_ERRORS, ApiError } from './api-error.js';
import { IdempotentInterceptor } from './idempotent.interceptor.js';
import type { JsonBody } from './json-body.pipe.js';
import { IDEMPOTENCY_KEY } from './messages.controller.js';
import { errorAnswer, messageBody, outcomeAnswer } from './schemas.js';
import { Documented } from '../reference/documented.js';

/** Messages from backends to every connection of the cluster. */
@Documented(({ ApiBearerAuth, ApiResponse, ApiTags }) => [
  ApiTags('messages'),
  ApiBearerAuth(),
  ApiResponse({ status: '4XX', description: 'See the error codes', standardSchema: errorAnswer }),
])
@Controller('v1/broadcast')
export class BroadcastController {
  constructor(private readonly rooms: Rooms) {}

  @Documented(({ ApiHeader, ApiOperation, ApiResponse }) => [
    ApiOperation({ summary: 'Send a message to every connection of the cluster' }),
    ApiHeader(IDEMPOTENCY_KEY),
    ApiResponse({ status: 200, description: 'What became of it', standardSchema: outcomeAnswer }),
    ApiResponse({ status: 503, description: API_ERRORS.congested.message, standardSchema: errorAnswer }),
  ])
  @UseInterceptors(IdempotentInterceptor)
  @HttpCode(200)
  @Post()
  async broadcast(
    @Body({ schema: messageBody }) body: JsonBody<z.infer<typeof messageBody>>,
  ): Promise<Outcome> {
    try {
      return await this.rooms.broadcastText(body.text('data'));
    } catch (error) {
      if (error instanceof RoomRefusedError && (error.code === 'too_large' || error.code === 'congested')) {
        throw new ApiError(error.code);
      }
      throw error;
    }
  }
}
