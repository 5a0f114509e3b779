import type { INestApplication, LoggerService, ModuleMetadata } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import { AppModule } from '../../src/app.module.js';
import {
  authenticationConfig,
  authenticationVariables,
} from '../../src/authentication/authentication.config.js';
import { clusterConfig, clusterVariables } from '../../src/cluster/cluster.config.js';
import type { Environment } from '../../src/config/variables.js';
import { gatewayConfig, gatewayVariables } from '../../src/gateway/gateway.config.js';
import { WebSocketAdapter } from '../../src/gateway/websocket.adapter.js';
import { udpBroadcastConfig, udpBroadcastVariables } from '../../src/udp-broadcast/udp-broadcast.config.js';
import { nodeEnvironment } from './environment.js';

/** A node in this process: the real application on real sockets, with a configuration of its own. */
export class TestNode {
  private constructor(
    readonly app: INestApplication,
    readonly port: number,
  ) {}

  /** `imports`: modules as a team would add them to app.module.ts. */
  static async start(
    env: Environment,
    imports: ModuleMetadata['imports'] = [],
    logger: LoggerService | false = false,
  ): Promise<TestNode> {
    const all = { ...nodeEnvironment, ...env };
    const module = await Test.createTestingModule({ imports: [AppModule, ...imports] })
      .overrideProvider(gatewayConfig.KEY)
      .useValue(gatewayVariables.parse(all))
      .overrideProvider(authenticationConfig.KEY)
      .useValue(authenticationVariables.parse(all))
      .overrideProvider(clusterConfig.KEY)
      .useValue(clusterVariables.parse(all))
      .overrideProvider(udpBroadcastConfig.KEY)
      .useValue(udpBroadcastVariables.parse(all))
      .compile();
    const app = module.createNestApplication({ logger });
    app.useWebSocketAdapter(new WebSocketAdapter(app));
    await app.listen(Number(all['PORT']), all['HOST'] as string);
    return new TestNode(app, ((app.getHttpServer() as Server).address() as AddressInfo).port);
  }

  url(query: string, path = '/chat'): string {
    return `ws://127.0.0.1:${this.port}${path}${query === '' ? '' : `?${query}`}`;
  }

  async stop(): Promise<void> {
    await this.app.close();
  }
}
