import { Module } from '@nestjs/common';
import { NotificationsController } from './notifications.controller.js';

/** Goes into the imports of the root module, beside LanfareModule. */
@Module({ controllers: [NotificationsController] })
export class NotificationsModule {}
