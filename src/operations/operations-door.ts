import type { INestApplication } from '@nestjs/common';
import type { ConfigType } from '@nestjs/config';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Request, Response } from 'express';
import type { AddressInfo } from 'node:net';
import { urlOf } from '../config/listening.js';
import { Presence } from '../presence/presence.js';
import { Rooms } from '../rooms/rooms.js';
import { ApiKeys } from './api/api-keys.js';
import { Callers } from './callers.js';
import { ClusterUsers } from './cluster-users.js';
import { OperationsDoorModule } from './operations-door.module.js';
import { operationsConfig } from './operations.config.js';
import { openAtOpsPort } from './ops-port.js';
import { serveOpenApi } from './reference/open-api.js';
import { ModuleMetrics } from './metrics/module-metrics.js';
import { PublicMetrics } from './metrics/public-metrics.js';
import { RunningNode } from './running-node.js';

/** Where the door listens. */
interface Where {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Only requests with this header are answered. */
  readonly onlyWith?: { readonly header: string; readonly key: string };
}

/**
 * The operators' door of a node: health, metrics and the HTTP API, on a port of their own. It is a second Nest
 * application, so that none of its routes can appear on the public port. It opens before the node joins the cluster,
 * and closes after the node has left it, so that probes are answered all the time.
 */
export class OperationsDoor {
  private constructor(
    private readonly app: INestApplication,
    readonly url: string,
  ) {}

  /**
   * Opens the door of `node` at OPS_HOST and OPS_PORT.
   *
   * @returns null when it is switched off
   * @throws {ConfigurationError} when OPS_PORT is taken, or OPS_HOST is no address of this machine
   */
  static async open(node: INestApplication): Promise<OperationsDoor | null> {
    const config = node.get<ConfigType<typeof operationsConfig>>(operationsConfig.KEY);
    return openAtOpsPort(config, async (where) => OperationsDoor.openAt(node, where));
  }

  static async openAt(node: INestApplication, { host, port, onlyWith }: Where): Promise<OperationsDoor> {
    const { API_KEYS: apiKeys } = node.get<ConfigType<typeof operationsConfig>>(operationsConfig.KEY);
    const behind = {
      node: node.get(RunningNode),
      users: node.get(ClusterUsers),
      presence: node.get(Presence),
      rooms: node.get(Rooms),
      publicMetrics: node.get(PublicMetrics),
      moduleMetrics: node.get(ModuleMetrics),
      apiKeys,
    };
    const app = await NestFactory.create<NestExpressApplication>(OperationsDoorModule.over(behind), {
      bodyParser: false,
      abortOnError: false,
      // a scraper that keeps its connection must not delay the end of the process
      forceCloseConnections: true,
    });
    const callers = app.get(Callers);
    callers.watch(app.getHttpServer());
    app.use(callers.admit);
    app.disable('x-powered-by');
    app.disable('etag');
    if (onlyWith !== undefined) {
      const keys = new ApiKeys([onlyWith.key]);
      app.use((request: Request, response: Response, next: () => void) => {
        if (keys.find(request.get(onlyWith.header) ?? '') >= 0) next();
        else response.sendStatus(403);
      });
    }
    serveOpenApi(app);
    try {
      // exclusive: the port of a worker must not be shared through the primary
      await app.listen({ port, host, exclusive: true } as never);
    } catch (error) {
      await app.close();
      throw error;
    }
    return new OperationsDoor(app, urlOf(app.getHttpServer().address() as AddressInfo));
  }

  async close(): Promise<void> {
    await this.app.close();
  }
}
