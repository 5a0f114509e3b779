import { Injectable, type PipeTransform } from '@nestjs/common';
import { isRoomName } from '../../wire/room-name.js';
import { ApiError } from './api-error.js';

/** Checks the name of a room in a path. */
@Injectable()
export class RoomNamePipe implements PipeTransform<string, string> {
  transform(text: string): string {
    if (!isRoomName(text)) throw new ApiError('bad_room');
    return text;
  }
}
