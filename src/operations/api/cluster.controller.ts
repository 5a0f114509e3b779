import { Controller, Get } from '@nestjs/common';
import type { z } from 'zod';
import { version } from '../../config/version.js';
import { ClusterUsers } from '../cluster-users.js';
import { RunningNode } from '../running-node.js';
import { clusterAnswer, errorAnswer } from './schemas.js';
import { Documented } from '../reference/documented.js';

/** The cluster as this node sees it. */
@Documented(({ ApiBearerAuth, ApiResponse, ApiTags }) => [
  ApiTags('cluster'),
  ApiBearerAuth(),
  ApiResponse({ status: '4XX', description: 'See the error codes', standardSchema: errorAnswer }),
])
@Controller('v1/cluster')
export class ClusterController {
  constructor(
    private readonly node: RunningNode,
    private readonly users: ClusterUsers,
  ) {}

  @Documented(({ ApiOperation, ApiResponse }) => [
    ApiOperation({ summary: 'All nodes, this one first' }),
    ApiResponse({ status: 200, description: 'As this node sees them', standardSchema: clusterAnswer }),
  ])
  @Get()
  async nodes(): Promise<z.infer<typeof clusterAnswer>> {
    const census = await this.users.census();
    const counts = (nodeId: string) => ({
      connections: census.get(nodeId)?.connections ?? null,
      users: census.get(nodeId)?.users ?? null,
    });
    const { cluster } = this.node;
    const self = {
      node_id: cluster.nodeId,
      name: this.node.name,
      address: this.node.udpAddress,
      self: true,
      state: cluster.health().ready ? ('up' as const) : ('pending' as const),
      version: version(),
      round_trip_ms: 0,
      loss: 0,
      ...counts(cluster.nodeId),
      uptime_ms: Math.round(process.uptime() * 1000),
    };
    const peers = cluster.peers().map((peer) => ({
      node_id: peer.nodeId,
      name: peer.name,
      address: peer.address,
      self: false,
      state: peer.state,
      version: peer.version,
      round_trip_ms: peer.roundTripMs,
      loss: peer.loss,
      ...counts(peer.nodeId),
      uptime_ms: peer.uptimeMs,
    }));
    return { nodes: [self, ...peers] };
  }
}
