import { Injectable, type PipeTransform } from '@nestjs/common';
import { userIdFromText } from '../../wire/user-id.js';
import { ApiError } from './api-error.js';

/** Gives the user id of a path in canonical form. */
@Injectable()
export class UserIdPipe implements PipeTransform<string, string> {
  transform(text: string): string {
    const userId = userIdFromText(text);
    if (userId === null) throw new ApiError('bad_user_id');
    return userId;
  }
}
