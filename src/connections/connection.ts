import type { ConnectionKey } from './connection-key.js';

/**
 * One client's connection to this node, as modules see it: in gateways' hooks, guards, pipes and handlers (`@ConnectedSocket()`),
 * in a `MessagePolicy`, in `ConnectionRegistry`. The same object everywhere, for as long as it lasts.
 *
 * Its methods never throw: they may be called from anywhere, a timer too. What a module does wrong with one is logged,
 * with where it was called, and counted.
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
   * What the Authenticator said of the client besides: of a JSON Web Token its claims but `sub`, `exp`, `iat`, `nbf`, `iss` and
   * `aud`. Empty where there are none. Those of a newer token take their place (`refresh`).
   */
  readonly claims: Readonly<Record<string, unknown>>;
  /** Nothing is sent to it any more. It stays in `ConnectionRegistry` until its socket has closed, at most 5 s. */
  readonly isClosing: boolean;

  /** What a module keeps here; undefined: nothing yet. */
  get<T>(key: ConnectionKey<T>): T | undefined;

  /** Keeps something of a module's own for as long as the connection lasts. */
  set<T>(key: ConnectionKey<T>, value: T): void;

  /**
   * Sends an event of a module's own to this client alone, as `{"event":…,"data":…}`. `Messaging` reaches all devices of a
   * user, on any node.
   *
   * @param data a JSON value; none: no `data` in the frame
   * @returns false when it did not go into the outgoing queue: the connection is closing, or the client reads too slowly;
   *   `data` is no JSON value, the frame is larger than WS_BUFFER_LIMIT_BYTES, or the event is the core's
   */
  send(event: string, data?: unknown): boolean;

  /**
   * Starts the closing handshake, behind what was sent before.
   *
   * @param code one of the application's own: 4100 to 4499, the client may come back as it is; 4600 to 4999, it should
   *   not; none: 4501. With any other code it is closed with 1011
   * @param reason at most 123 bytes of UTF-8; a longer one is left out
   */
  close(code?: number, reason?: string): void;
}
