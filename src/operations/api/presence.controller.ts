import { Controller, Get, Query } from '@nestjs/common';
import type { z } from 'zod';
import { Presence } from '../../presence/presence.js';
import { errorAnswer, onlineAnswer } from './schemas.js';
import { UserIdsPipe } from './user-ids.pipe.js';
import { Documented } from '../reference/documented.js';

/** Says who is online, from what this node knows: no other node is asked. */
@Documented(({ ApiBearerAuth, ApiResponse, ApiTags }) => [
  ApiTags('users'),
  ApiBearerAuth(),
  ApiResponse({ status: '4XX', description: 'See the error codes', standardSchema: errorAnswer }),
])
@Controller('v1/users')
export class PresenceController {
  constructor(private readonly presence: Presence) {}

  @Documented(({ ApiOperation, ApiQuery, ApiResponse }) => [
    ApiOperation({ summary: 'Which of 1 to 100 users are online, on any node' }),
    ApiQuery({ name: 'id', type: String, isArray: true, required: true }),
    ApiResponse({
      status: 200,
      description: 'Those who are, in the order of id',
      standardSchema: onlineAnswer,
    }),
  ])
  @Get()
  find(@Query('id', UserIdsPipe) userIds: readonly string[]): z.infer<typeof onlineAnswer> {
    const found = userIds.map((userId) => ({ userId, ...this.presence.ofUser(userId) }));
    return {
      online: found.filter(({ online }) => online).map(({ userId }) => userId),
      complete: found.every(({ complete }) => complete),
    };
  }
}
