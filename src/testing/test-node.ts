import type { INestApplication, LoggerService, ModuleMetadata } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import { authenticationConfig, authenticationVariables } from '../authentication/authentication.config.js';
import { clusterConfig, clusterVariables } from '../cluster/cluster.config.js';
import { natsConfig, natsVariables } from '../broker/nats.config.js';
import { redisConfig, redisVariables } from '../broker/redis.config.js';
import type { Environment } from '../config/variables.js';
import { PublicHttpAdapter } from '../gateway/admission/public-http.adapter.js';
import { gatewayConfig, gatewayVariables } from '../gateway/gateway.config.js';
import { GatewayAdapter } from '../gateway/gateway.adapter.js';
import { LanfareModule } from '../lanfare.module.js';
import { OperationsDoor } from '../operations/operations-door.js';
import { presenceConfig, presenceVariables } from '../presence/presence.config.js';
import { roomsConfig, roomsVariables } from '../rooms/rooms.config.js';
import { operationsConfig, operationsVariables } from '../operations/operations.config.js';
import { udpBroadcastConfig, udpBroadcastVariables } from '../udp-broadcast/udp-broadcast.config.js';
import { TestClaims, type ClaimsByUser } from './test-claims.js';

/** On free ports of this machine, without a cluster, in insecure mode. */
const DEFAULTS: Environment = {
  HOST: '127.0.0.1',
  PORT: '0',
  AUTH_MODE: 'insecure',
  CLUSTER_BUS: 'none',
  WS_ALLOWED_ORIGINS: '*',
  LOG_LEVEL: 'warn',
};

export interface TestNodeOptions {
  /** The application's modules. `LanfareModule` need not be among them. */
  readonly imports?: ModuleMetadata['imports'];
  /** Lanfare's variables, where they differ from a single node in insecure mode. */
  readonly env?: Environment;
  /** What the tokens of users would say of them, by user id. Only without an `Authenticator` of the application's own. */
  readonly claims?: ClaimsByUser;
  /** Default: silent. */
  readonly logger?: LoggerService | false;
  /** Whether the operators' door is opened too, on a free port. */
  readonly operations?: boolean;
}

/**
 * A node in this process, for tests: the real application on real sockets. Several can run at the same time. With the
 * same CLUSTER_NAME, CLUSTER_SECRET and UDP_PORT, and CLUSTER_BUS=udp, they are a cluster. Neither the environment of
 * the process nor files are read.
 */
export class TestNode {
  private constructor(
    readonly app: INestApplication,
    /** The port of the public door. */
    readonly port: number,
    private readonly operations: OperationsDoor | null,
  ) {}

  static async start({
    imports = [],
    env = {},
    claims,
    logger = false,
    operations = false,
  }: TestNodeOptions = {}): Promise<TestNode> {
    const all = { ...DEFAULTS, ...env };
    const own = claims === undefined ? imports : [...imports, TestClaims.of(claims)];
    const module = await Test.createTestingModule({ imports: [LanfareModule, ...own] })
      .overrideProvider(gatewayConfig.KEY)
      .useValue(gatewayVariables.parse(all))
      .overrideProvider(authenticationConfig.KEY)
      .useValue(authenticationVariables.parse(all))
      .overrideProvider(roomsConfig.KEY)
      .useValue(roomsVariables.parse(all))
      .overrideProvider(presenceConfig.KEY)
      .useValue(presenceVariables.parse(all))
      .overrideProvider(clusterConfig.KEY)
      .useValue(clusterVariables.parse(all))
      .overrideProvider(udpBroadcastConfig.KEY)
      .useValue(udpBroadcastVariables.parse(all))
      .overrideProvider(natsConfig.KEY)
      .useValue(natsVariables.parse(all))
      .overrideProvider(redisConfig.KEY)
      .useValue(redisVariables.parse(all))
      .overrideProvider(operationsConfig.KEY)
      .useValue({ ...operationsVariables.parse(all), isPortNegotiable: false })
      .compile();
    const app = module.createNestApplication(new PublicHttpAdapter(), { logger });
    app.useWebSocketAdapter(new GatewayAdapter(app));
    const door = operations ? await OperationsDoor.openAt(app, { host: '127.0.0.1', port: 0 }) : null;
    await app.listen(Number(all['PORT']), all['HOST'] as string);
    return new TestNode(app, ((app.getHttpServer() as Server).address() as AddressInfo).port, door);
  }

  /** The URL of the operators' door, if the node was started with `operations`. */
  get operationsUrl(): string {
    if (this.operations === null) throw new Error('this node was started without operations');
    return this.operations.url;
  }

  /** The URL for clients: `node.url('user_id=1')`. */
  url(query: string, path = '/chat'): string {
    return `ws://127.0.0.1:${this.port}${path}${query === '' ? '' : `?${query}`}`;
  }

  async stop(): Promise<void> {
    await this.app.close();
    await this.operations?.close();
  }
}
