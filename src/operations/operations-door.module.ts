import { Module, type DynamicModule, type MiddlewareConsumer, type NestModule } from '@nestjs/common';
import { APP_FILTER, APP_PIPE } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { raw } from 'express';
import { Presence } from '../presence/presence.js';
import { Rooms } from '../rooms/rooms.js';
import { Metrics } from '../telemetry/metrics.js';
import { ApiErrorFilter } from './api/api-error.filter.js';
import { ApiKeyMiddleware } from './api/api-key.middleware.js';
import { ApiKeys } from './api/api-keys.js';
import { ClusterController } from './api/cluster.controller.js';
import { Idempotency } from './api/idempotency.js';
import { IdempotentInterceptor } from './api/idempotent.interceptor.js';
import { JsonBodyPipe } from './api/json-body.pipe.js';
import { MessagesController } from './api/messages.controller.js';
import { PresenceController } from './api/presence.controller.js';
import { BroadcastController } from './api/broadcast.controller.js';
import { RoomsController } from './api/rooms.controller.js';
import { UsersController } from './api/users.controller.js';
import { Callers } from './callers.js';
import { ClusterUsers } from './cluster-users.js';
import { HealthController } from './health/health.controller.js';
import { Load } from './health/load.js';
import { Readiness } from './health/readiness.js';
import { RequestCountMiddleware } from './metrics/request-count.middleware.js';
import { ClusterMetrics } from './metrics/cluster-metrics.js';
import { MetricsCollection } from './metrics/metrics-collection.js';
import { PublicMetrics } from './metrics/public-metrics.js';
import { ModuleMetrics } from './metrics/module-metrics.js';
import { NodeMetrics } from './metrics/node-metrics.js';
import { MetricsController } from './metrics/metrics.controller.js';
import { AsyncApiController } from './reference/async-api.controller.js';
import { RunningNode } from './running-node.js';

const BODY_BYTES_MAX = 1_048_576;

/** What the door needs of the node. None of these may have life-cycle hooks; see RunningNode. */
interface Behind {
  readonly node: RunningNode;
  readonly users: ClusterUsers;
  readonly presence: Presence;
  readonly rooms: Rooms;
  readonly publicMetrics: PublicMetrics;
  readonly moduleMetrics: ModuleMetrics;
  readonly apiKeys: readonly string[];
}

/** The operators' door: a second application in the process of a running node. */
@Module({})
export class OperationsDoorModule implements NestModule {
  static over(behind: Behind): DynamicModule {
    return {
      module: OperationsDoorModule,
      // its logger would write a line for every probe that fails
      imports: [TerminusModule.forRoot({ logger: false })],
      controllers: [
        HealthController,
        MetricsController,
        MessagesController,
        PresenceController,
        UsersController,
        RoomsController,
        BroadcastController,
        ClusterController,
        AsyncApiController,
      ],
      providers: [
        { provide: RunningNode, useValue: behind.node },
        { provide: ClusterUsers, useValue: behind.users },
        { provide: Presence, useValue: behind.presence },
        { provide: Rooms, useValue: behind.rooms },
        { provide: PublicMetrics, useValue: behind.publicMetrics },
        { provide: ModuleMetrics, useValue: behind.moduleMetrics },
        { provide: ApiKeys, useValue: new ApiKeys(behind.apiKeys) },
        { provide: APP_FILTER, useClass: ApiErrorFilter },
        { provide: APP_PIPE, useClass: JsonBodyPipe },
        Callers,
        Metrics,
        MetricsCollection,
        NodeMetrics,
        ClusterMetrics,
        Load,
        Readiness,
        Idempotency,
        IdempotentInterceptor,
      ],
    };
  }

  configure(consumer: MiddlewareConsumer): void {
    consumer
      .apply(
        RequestCountMiddleware,
        ApiKeyMiddleware,
        raw({ type: 'application/json', limit: BODY_BYTES_MAX }),
      )
      .forRoutes('v1/{*path}');
  }
}
