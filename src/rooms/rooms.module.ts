import { Module } from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import { MessagingModule } from '../messaging/messaging.module.js';
import { ClusterRoomChanges } from './cluster-room-changes.js';
import { Everybody } from './everybody.js';
import { Fanout } from './fanout.js';
import { Memberships } from './memberships.js';
import { RoomAccess } from './room-access.js';
import { RoomMembers } from './room-members.js';
import { RoomMessaging } from './room-messaging.js';
import { Rooms } from './rooms.js';
import { roomsConfig } from './rooms.config.js';

@Module({
  imports: [MessagingModule, ConfigModule.forFeature(roomsConfig)],
  providers: [
    Rooms,
    RoomMembers,
    Memberships,
    Fanout,
    RoomMessaging,
    Everybody,
    ClusterRoomChanges,
    RoomAccess,
  ],
  exports: [Rooms, Memberships, Fanout, RoomMessaging, Everybody, RoomAccess],
})
export class RoomsModule {}
