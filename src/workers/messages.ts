/** What a worker tells its primary, by the channel of `node:cluster`. Modules may send other messages on it. */
export type Report =
  /** Its event loop runs. Sent at regular intervals. */
  | { readonly lanfare: 'alive' }
  /** Its part of the operators' door listens on 127.0.0.1, and answers requests that bring the key. */
  | { readonly lanfare: 'door'; readonly port: number; readonly key: string }
  /** Its public door is open. */
  | { readonly lanfare: 'serving' }
  /** It drains, by an order or by itself. It may have left the cluster, so nobody asks it any more. */
  | { readonly lanfare: 'leaving' };

/** What a primary tells its worker. (To drain it sends SIGTERM, which works at any time.) */
export type Order =
  /** Another worker has taken its place: hand over new sockets, then drain. */
  { readonly lanfare: 'retire' };

/** How often a worker says that it is alive. */
export const ALIVE_EVERY_MS = 5_000;

export function isReport(message: unknown): message is Report {
  return typeof message === 'object' && message !== null && 'lanfare' in message;
}

export function isOrder(message: unknown): message is Order {
  return isReport(message) && (message as { lanfare: unknown }).lanfare === 'retire';
}
