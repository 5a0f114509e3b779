import type { WebSocketServer } from 'ws';
import type { ClientConnection } from '../client/client-connection.js';

/** A path that is served, and how. */
export interface Entrance {
  readonly server: WebSocketServer;
  /** The core's own path: its clients are devices of their user. Elsewhere they only meet that path's gateways. */
  readonly isMain: boolean;
  /** All gateways of this path do without authentication. */
  readonly isAnonymous: boolean;
  readonly params: ClientConnection['params'];
}
