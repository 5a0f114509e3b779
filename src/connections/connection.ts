import type { ConnectionKey } from './connection-key.js';

/**
 * One client's connection to this node, as modules see it: in gateways' hooks, guards, pipes and handlers
 * (`@ConnectedSocket()`), in a `MessagePolicy`, in `ConnectionRegistry`. It is the same object everywhere, as long as
 * the connection lasts.
 *
 * Its methods never throw, because they may be called from anywhere, also from a timer. A mistake that a module makes
 * with one is logged, with the place of the call, and counted.
 */
export interface Connection {
  /** Unique in the cluster; new for every connection. */
  readonly id: string;
  /** Empty for clients of gateways that ask for no authentication. */
  readonly userId: string;
  /** Milliseconds since the epoch. */
  readonly connectedAt: number;
  /** Where the client is, as far as trusted proxies know. */
  readonly address: string;
  /** Parameters of the path, for gateways with a path such as /rooms/:room. */
  readonly params: Readonly<Record<string, string | string[] | undefined>>;
  /**
   * What else the Authenticator said of the client. With a JSON Web Token: its claims except `sub`, `exp`, `iat`,
   * `nbf`, `iss` and `aud`. Empty when there are none. The claims of a newer token (`refresh`) replace them.
   */
  readonly claims: Readonly<Record<string, unknown>>;
  /** Nothing is sent to it any more. It stays in `ConnectionRegistry` until its socket has closed, at most 5 s. */
  readonly isClosing: boolean;

  /** What a module keeps here; undefined: nothing yet. */
  get<T>(key: ConnectionKey<T>): T | undefined;

  /** Keeps something of a module's own for as long as the connection lasts. */
  set<T>(key: ConnectionKey<T>, value: T): void;

  /**
   * Sends an event of a module's own to this client alone, as `{"event":…,"data":…}`. `Messaging` reaches all devices
   * of a user, on any node.
   *
   * @param data a JSON value; none: no `data` in the frame
   * @returns false when it did not go into the outgoing queue: the connection is closing, or the client reads too
   * slowly; `data` is no JSON value, the frame is larger than WS_BUFFER_LIMIT_BYTES, or the event is the core's
   */
  send(event: string, data?: unknown): boolean;

  /**
   * Starts the closing handshake, behind what was sent before.
   *
   * @param code one of the application's own. With 4100 to 4499 the client may come back unchanged, with 4600 to 4999
   * it should not. The default is 4501. With any other code it is closed with 1011
   * @param reason at most 123 bytes of UTF-8; a longer one is left out
   */
  close(code?: number, reason?: string): void;
}
