import {
  Body,
  Controller,
  Delete,
  Get,
  Headers,
  HttpCode,
  Param,
  Post,
  Put,
  Query,
  UseInterceptors,
} from '@nestjs/common';
import type { IncomingHttpHeaders } from 'node:http';
import type { z } from 'zod';
import { traceOf } from '../../messaging/message-tracing.js';
import { RoomRefusedError, Rooms } from '../../rooms/rooms.js';
import type { Outcome } from '../../wire/outgoing-frame.js';
import { API_ERRORS, ApiError } from './api-error.js';
import { IdempotentInterceptor } from './idempotent.interceptor.js';
import type { JsonBody } from './json-body.pipe.js';
import { IDEMPOTENCY_KEY } from './messages.controller.js';
import { PagePipe, type Page } from './page.pipe.js';
import { RoomNamePipe } from './room-name.pipe.js';
import {
  errorAnswer,
  joinedAnswer,
  membersAnswer,
  messageBody,
  outcomeAnswer,
  removedAnswer,
  roomAnswer,
} from './schemas.js';
import { UserIdPipe } from './user-id.pipe.js';
import { Documented } from '../reference/documented.js';

/** Publishes to rooms, counts who is in one, and puts users in and out. */
@Documented(({ ApiBearerAuth, ApiResponse, ApiTags }) => [
  ApiTags('rooms'),
  ApiBearerAuth(),
  ApiResponse({ status: '4XX', description: 'See the error codes', standardSchema: errorAnswer }),
])
@Controller('v1/rooms/:room')
export class RoomsController {
  constructor(private readonly rooms: Rooms) {}

  @Documented(({ ApiHeader, ApiOperation, ApiResponse }) => [
    ApiOperation({ summary: 'Send a message to every member of a room' }),
    ApiHeader(IDEMPOTENCY_KEY),
    ApiResponse({
      status: 200,
      description: 'What became of it; 0: nobody is in it',
      standardSchema: outcomeAnswer,
    }),
    ApiResponse({ status: 503, description: API_ERRORS.congested.message, standardSchema: errorAnswer }),
  ])
  @UseInterceptors(IdempotentInterceptor)
  @HttpCode(200)
  @Post('messages')
  async publish(
    @Param('room', RoomNamePipe) room: string,
    @Body({ schema: messageBody }) body: JsonBody<z.infer<typeof messageBody>>,
    @Headers() headers: IncomingHttpHeaders,
  ): Promise<Outcome> {
    try {
      return await this.rooms.publishText(room, body.text('data'), { trace: traceOf(headers) });
    } catch (error) {
      if (!(error instanceof RoomRefusedError) || error.code === 'missing_data') throw error;
      throw new ApiError(error.code);
    }
  }

  @Documented(({ ApiOperation, ApiResponse }) => [
    ApiOperation({ summary: 'How many are in a room, on all nodes' }),
    ApiResponse({ status: 200, description: 'Zeros: nobody', standardSchema: roomAnswer }),
  ])
  @Get()
  async count(@Param('room', RoomNamePipe) room: string): Promise<z.infer<typeof roomAnswer>> {
    return { room, ...(await this.rooms.count(room)) };
  }

  @Documented(({ ApiOperation, ApiQuery, ApiResponse }) => [
    ApiOperation({ summary: 'Who is in a room, on all nodes, in pages by user id' }),
    ApiQuery({ name: 'limit', type: Number, required: false, description: '1 to 500; 100 without it' }),
    ApiQuery({ name: 'after', type: String, required: false, description: '`next` of the page before' }),
    ApiResponse({ status: 200, description: 'Empty: nobody', standardSchema: membersAnswer }),
  ])
  @Get('members')
  async members(
    @Param('room', RoomNamePipe) room: string,
    @Query(PagePipe) query: Page,
  ): Promise<z.infer<typeof membersAnswer>> {
    const page = await this.rooms.members(room, query);
    const members = page.members.map(({ userId, ...shown }) => ({ user_id: userId, ...shown }));
    return { members, next: page.next, complete: page.complete };
  }

  @Documented(({ ApiOperation, ApiResponse }) => [
    ApiOperation({ summary: 'Put the present connections of a user into a room' }),
    ApiResponse({
      status: 200,
      description: '0: none is there; nothing is kept',
      standardSchema: joinedAnswer,
    }),
  ])
  @Put('users/:user_id')
  async join(
    @Param('room', RoomNamePipe) room: string,
    @Param('user_id', UserIdPipe) userId: string,
  ): Promise<z.infer<typeof joinedAnswer>> {
    const { connections, complete } = await this.rooms.join(room, userId);
    return { joined: connections, complete };
  }

  @Documented(({ ApiOperation, ApiResponse }) => [
    ApiOperation({ summary: 'Take the connections of a user out of a room' }),
    ApiResponse({ status: 200, description: 'How many were in it', standardSchema: removedAnswer }),
  ])
  @Delete('users/:user_id')
  async remove(
    @Param('room', RoomNamePipe) room: string,
    @Param('user_id', UserIdPipe) userId: string,
  ): Promise<z.infer<typeof removedAnswer>> {
    const { connections, complete } = await this.rooms.remove(room, userId);
    return { removed: connections, complete };
  }
}
