import type { Signals } from './signals.js';
import type { TokenOption } from './token.js';

/** As much of the standard's WebSocket as is used: those of browsers, Node, Bun, Deno and `ws` fit. */
export interface Socket {
  readonly readyState: number;
  readonly bufferedAmount: number;
  addEventListener(type: 'message' | 'close' | 'error', handler: (event: unknown) => void): void;
  send(text: string): void;
  close(): void;
  /** Of `ws` and Bun: does not wait for the other side. */
  terminate?(): void;
}

export type WebSocketClass = new (url: string, protocols: string[]) => Socket;

export interface QueueOptions {
  /** Messages that may wait for a connection or an answer. */
  max: number;
  /** How long one may take from the call to its answer. Servers know a repeated one for two minutes. */
  ttlMs: number;
}

export interface ConnectOptions {
  /** ws: or wss:. Several: any of them will do, they are tried in turn. */
  url: string | readonly string[];
  token?: TokenOption | undefined;
  /** Where there is no global one: Node 20. `import { WebSocket } from 'ws'`. */
  WebSocket?: WebSocketClass | undefined;
  /** Off unless given: what is sent while there is no connection is refused at once. */
  queue?: QueueOptions | undefined;
  /** Prints frames, with tokens masked; or calls with each line. */
  debug?: boolean | ((line: string) => void) | undefined;
  /** Bounds of the wait between attempts. Default: 300 ms to 20 s. */
  backoff?: { minMs: number; maxMs: number } | undefined;
  /** Default: the page's. React Native: `nativeSignals({ AppState, NetInfo })`. */
  signals?: Signals | undefined;
}

export interface SendOptions {
  /** A name of your own: a second message with it is not delivered again where the server still knows it. */
  messageId?: string | undefined;
  /** For data that is soon out of date: dropped first where a queue is full, never repeated, never queued. */
  volatile?: boolean | undefined;
  /** How long to wait for the answer. Default: 10 s, or the queue's `ttlMs`. */
  timeoutMs?: number | undefined;
}

/** What became of a message. */
export interface Outcome {
  /** Connections, cluster-wide, into whose queue it went. */
  delivered: number;
  /** False when it may have reached more connections than were counted. */
  complete: boolean;
}
