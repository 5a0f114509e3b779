import { RoomPolicy } from './room-policy.js';

/** Everybody may join and publish everywhere. */
export class OpenRoomPolicy extends RoomPolicy {
  join(): boolean {
    return true;
  }

  publish(): boolean {
    return true;
  }
}
