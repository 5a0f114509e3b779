import { Module } from '@nestjs/common';
import { MessagingModule } from '../messaging/messaging.module.js';
import { Presence } from './presence.js';

@Module({ imports: [MessagingModule], providers: [Presence], exports: [Presence] })
export class PresenceModule {}
