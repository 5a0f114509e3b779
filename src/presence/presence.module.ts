import { Module } from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import { MessagingModule } from '../messaging/messaging.module.js';
import { presenceConfig } from './presence.config.js';
import { Presence } from './presence.js';
import { UserWatches } from './user-watches.js';
import { WatchedUsers } from './watched-users.js';

@Module({
  imports: [MessagingModule, ConfigModule.forFeature(presenceConfig)],
  providers: [Presence, UserWatches, WatchedUsers],
  exports: [Presence, UserWatches, WatchedUsers],
})
export class PresenceModule {}
