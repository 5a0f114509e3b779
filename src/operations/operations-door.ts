import { Logger, type INestApplication } from '@nestjs/common';
import type { ConfigType } from '@nestjs/config';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { AddressInfo } from 'node:net';
import { listenProblem, urlOf } from '../config/listening.js';
import { Presence } from '../presence/presence.js';
import { Rooms } from '../rooms/rooms.js';
import { Callers } from './callers.js';
import { ClusterUsers } from './cluster-users.js';
import { OperationsDoorModule } from './operations-door.module.js';
import { operationsConfig } from './operations.config.js';
import { serveOpenApi } from './reference/open-api.js';
import { ModuleMetrics } from './metrics/module-metrics.js';
import { RoomMetrics } from './metrics/room-metrics.js';
import { RunningNode } from './running-node.js';

const logger = new Logger('OperationsDoor');

/** Where the door listens. */
interface Where {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
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
    const {
      OPS_HOST: host,
      OPS_PORT: port,
      isPortNegotiable,
    } = node.get<ConfigType<typeof operationsConfig>>(operationsConfig.KEY);
    if (port === 0) return null;
    try {
      return await OperationsDoor.openAt(node, { host, port });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE' && isPortNegotiable) {
        logger.warn(
          `Port ${port} is taken, by another node of this machine perhaps: this one has no health, metrics and API. Set OPS_PORT`,
        );
        return null;
      }
      throw listenProblem(error, { host, port, variables: { host: 'OPS_HOST', port: 'OPS_PORT' } }) ?? error;
    }
  }

  static async openAt(node: INestApplication, { host, port }: Where): Promise<OperationsDoor> {
    const { API_KEYS: apiKeys } = node.get<ConfigType<typeof operationsConfig>>(operationsConfig.KEY);
    const behind = {
      node: node.get(RunningNode),
      users: node.get(ClusterUsers),
      presence: node.get(Presence),
      rooms: node.get(Rooms),
      roomMetrics: node.get(RoomMetrics),
      metrics: node.get(ModuleMetrics),
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
    serveOpenApi(app);
    try {
      await app.listen(port, host);
    } catch (error) {
      await app.close();
      throw error;
    }
    const url = urlOf(app.getHttpServer().address() as AddressInfo);
    logger.log(
      `Health, metrics and API on ${url}${apiKeys.length === 0 ? ' (API off: API_KEYS is empty)' : ''}`,
    );
    return new OperationsDoor(app, url);
  }

  async close(): Promise<void> {
    await this.app.close();
  }
}
