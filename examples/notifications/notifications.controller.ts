import { Body, Controller, HttpCode, Param, Post, UseFilters } from '@nestjs/common';
import { Messaging } from 'lanfare';
import { MessageRefusedFilter } from './message-refused.filter.js';

/**
 * A REST endpoint that sends to a user's devices, wherever in the cluster they are. It is on the public port: give it
 * a guard of your own. (Backends that only send need no module: the HTTP API of the operators' door does that.)
 */
@Controller('notifications')
@UseFilters(MessageRefusedFilter)
export class NotificationsController {
  constructor(private readonly messaging: Messaging) {}

  @Post(':userId')
  @HttpCode(200)
  async notify(
    @Param('userId') userId: string,
    @Body() body: unknown,
  ): Promise<{ reached: number; isCertain: boolean }> {
    const { delivered, complete } = await this.messaging.send(userId, { kind: 'notification', body });
    return { reached: delivered, isCertain: complete };
  }
}
