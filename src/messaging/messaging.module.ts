import { Module } from '@nestjs/common';
import { ClusterModule } from '../cluster/cluster.module.js';
import { ConnectionsModule } from '../connections/connections.module.js';
import { Messaging } from './messaging.js';
import { UserEvents } from './user-events.js';

/** Exports Messaging, UserEvents, ConnectionRegistry and Cluster. */
@Module({
  imports: [ConnectionsModule, ClusterModule],
  providers: [Messaging, UserEvents],
  exports: [Messaging, UserEvents, ConnectionsModule, ClusterModule],
})
export class MessagingModule {}
