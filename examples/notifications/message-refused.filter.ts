import { Catch, HttpException, type ArgumentsHost } from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import { MessageRefusedError } from 'lanfare';

const STATUS: Record<MessageRefusedError['code'], number> = {
  bad_user_id: 400,
  missing_data: 400,
  too_large: 413,
  congested: 503,
};

/** Answers with the reason why a message was refused. Without this filter the answer would be 500. */
@Catch(MessageRefusedError)
export class MessageRefusedFilter extends BaseExceptionFilter {
  override catch({ code, message }: MessageRefusedError, host: ArgumentsHost): void {
    super.catch(new HttpException({ code, message }, STATUS[code]), host);
  }
}
