import { WebSocket } from 'ws';
import type { ClientConnection } from './client-connection.js';

/**
 * The ws socket of one client: what gateways' handlers get as their client. Its `connection` says who it is.
 * Text sent through it shares the connection's queue and limit with everything else.
 */
export class ClientSocket extends WebSocket {
  declare connection: ClientConnection;

  override send(data: Parameters<WebSocket['send']>[0], ...rest: unknown[]): void {
    if (typeof data === 'string' && rest.length === 0) {
      this.connection.sendText(data);
      return;
    }
    // binary or with options: behind what is queued, so that the order is kept
    this.connection.flush();
    this.sendNow(data, ...rest);
    this.connection.checkBacklog();
  }

  /** Straight into ws, past the queue. For the connection itself. */
  sendNow(data: Parameters<WebSocket['send']>[0], ...rest: unknown[]): void {
    (super.send as (...args: unknown[]) => void).call(this, data, ...rest);
  }
}
