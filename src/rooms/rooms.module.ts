import { Module } from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import { MessagingModule } from '../messaging/messaging.module.js';
import { Memberships } from './memberships.js';
import { RoomAccess } from './room-access.js';
import { RoomMessaging } from './room-messaging.js';
import { roomsConfig } from './rooms.config.js';

@Module({
  imports: [MessagingModule, ConfigModule.forFeature(roomsConfig)],
  providers: [Memberships, RoomMessaging, RoomAccess],
  exports: [Memberships, RoomMessaging, RoomAccess],
})
export class RoomsModule {}
