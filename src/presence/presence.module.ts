import { Module } from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import { MessagingModule } from '../messaging/messaging.module.js';
import { RoomsModule } from '../rooms/rooms.module.js';
import { presenceConfig } from './presence.config.js';
import { Presence } from './presence.js';
import { RoomPresence } from './room-presence.js';
import { UserWatches } from './user-watches.js';
import { WatchedUsers } from './watched-users.js';

@Module({
  imports: [MessagingModule, RoomsModule, ConfigModule.forFeature(presenceConfig)],
  providers: [Presence, RoomPresence, UserWatches, WatchedUsers],
  exports: [Presence, RoomPresence, UserWatches, WatchedUsers],
})
export class PresenceModule {}
