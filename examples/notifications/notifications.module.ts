import { Module } from '@nestjs/common';
import { MessagingModule } from '../../src/messaging/messaging.module.js';
import { NotificationsController } from './notifications.controller.js';

/** Goes into the imports of app.module.ts. */
@Module({ imports: [MessagingModule], controllers: [NotificationsController] })
export class NotificationsModule {}
