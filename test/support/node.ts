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
import { operationsConfig, operationsVariables } from '../../src/operations/operations.config.js';
import { OperationsDoor } from '../../src/operations/operations-door.js';
import { gatewayConfig, gatewayVariables } from '../../src/gateway/gateway.config.js';
import { WebSocketAdapter } from '../../src/gateway/websocket.adapter.js';
import { udpBroadcastConfig, udpBroadcastVariables } from '../../src/udp-broadcast/udp-broadcast.config.js';
import { nodeEnvironment } from './environment.js';
import { running } from './running.js';

/** A node in this process: the real application on real sockets, with a configuration of its own. */
export class TestNode {
  #stopped: Promise<void> | undefined;

  private constructor(
    readonly app: INestApplication,
    readonly port: number,
    /** The operators' door, where `operations` asked for one: its URL is on a free port. */
    private readonly operations: OperationsDoor | null,
  ) {
    running.set(this, async () => this.stop());
  }

  /** `imports`: modules as a team would add them to app.module.ts. */
  static async start(
    env: Environment,
    imports: ModuleMetadata['imports'] = [],
    logger: LoggerService | false = false,
    { operations = false } = {},
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
      .overrideProvider(operationsConfig.KEY)
      .useValue({ ...operationsVariables.parse(all), isPortNegotiable: false })
      .compile();
    const app = module.createNestApplication({ logger });
    app.useWebSocketAdapter(new WebSocketAdapter(app));
    const door = operations ? await OperationsDoor.openAt(app, { host: '127.0.0.1', port: 0 }) : null;
    await app.listen(Number(all['PORT']), all['HOST'] as string);
    return new TestNode(app, ((app.getHttpServer() as Server).address() as AddressInfo).port, door);
  }

  get operationsUrl(): string {
    if (this.operations === null) throw new Error('this node was started without operations');
    return this.operations.url;
  }

  url(query: string, path = '/chat'): string {
    return `ws://127.0.0.1:${this.port}${path}${query === '' ? '' : `?${query}`}`;
  }

  /** A second time it waits for the first: what ends a failed test's nodes comes before the test file's own hooks. */
  async stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    await this.#stopped;
  }

  async #stop(): Promise<void> {
    running.delete(this);
    await this.app.close();
    await this.operations?.close();
  }
}
