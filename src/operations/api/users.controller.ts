import { Controller, Delete, Get, Param } from '@nestjs/common';
import type { z } from 'zod';
import { ClusterUsers } from '../cluster-users.js';
import { closedAnswer, errorAnswer, userAnswer } from './schemas.js';
import { UserIdPipe } from './user-id.pipe.js';
import { Documented } from '../reference/documented.js';

/** Finds and closes the connections of users. */
@Documented(({ ApiBearerAuth, ApiResponse, ApiTags }) => [
  ApiTags('users'),
  ApiBearerAuth(),
  ApiResponse({ status: '4XX', description: 'See the error codes', standardSchema: errorAnswer }),
])
@Controller('v1/users/:user_id')
export class UsersController {
  constructor(private readonly users: ClusterUsers) {}

  @Documented(({ ApiOperation, ApiResponse }) => [
    ApiOperation({ summary: "A user's connections on all nodes" }),
    ApiResponse({ status: 200, description: 'An empty list: offline', standardSchema: userAnswer }),
  ])
  @Get()
  async find(@Param('user_id', UserIdPipe) userId: string): Promise<z.infer<typeof userAnswer>> {
    const { connections, complete } = await this.users.connectionsOf(userId);
    return {
      user_id: userId,
      connections: connections.map(({ connectionId, nodeId, connectedAt }) => ({
        connection_id: connectionId,
        node_id: nodeId,
        connected_at: new Date(connectedAt).toISOString(),
      })),
      complete,
    };
  }

  @Documented(({ ApiOperation, ApiResponse }) => [
    ApiOperation({ summary: "Close a user's connections on all nodes, with close code 4501" }),
    ApiResponse({ status: 200, description: 'How many were told to close', standardSchema: closedAnswer }),
  ])
  @Delete('connections')
  async disconnect(@Param('user_id', UserIdPipe) userId: string): Promise<z.infer<typeof closedAnswer>> {
    return this.users.disconnect(userId);
  }
}
