import type { GatewayMetadata } from '@nestjs/websockets';

/**
 * A gateway's options: `@WebSocketGateway<GatewayOptions>({ path: '/status', authenticate: false })`. Ports, namespaces
 * and the options of Socket.IO cannot be used with the public door.
 */
export interface GatewayOptions extends Pick<GatewayMetadata, 'path' | 'namespace'> {
  /** Parameters are allowed: /rooms/:room. Without a path the gateway shares WS_PATH with the core. */
  readonly path?: string;
  /**
   * False: strangers may come in; their connection has an empty user id. A path asks for no authentication only
   * when all its gateways say so, and WS_PATH always asks for it.
   */
  readonly authenticate?: boolean;
}
