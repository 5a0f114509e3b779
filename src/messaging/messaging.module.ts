import { Module } from '@nestjs/common';
import { ClusterModule } from '../cluster/cluster.module.js';
import { ConnectionsModule } from '../connections/connections.module.js';
import { Messaging } from './messaging.js';

/** Exports Messaging, ConnectionRegistry and Cluster. */
@Module({
  imports: [ConnectionsModule, ClusterModule],
  providers: [Messaging],
  exports: [Messaging, ConnectionsModule, ClusterModule],
})
export class MessagingModule {}
