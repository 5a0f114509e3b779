/**
 * - `connecting`: an attempt is under way, from the call for a token to the server's `ready`.
 * - `open`: connected.
 * - `waiting`: for the next attempt.
 * - `closed`: for good, by `close()` or because the server will not have us as we are.
 */
export type StateName = 'connecting' | 'open' | 'waiting' | 'closed';

export interface State {
  readonly name: StateName;
  /** Why it is `waiting` or `closed`: the server's reason, a refusal's code, or a sentence of the client's. */
  readonly reason: string;
  /** The close code, or 0 if there is none. */
  readonly code: number;
  /** When `waiting`. */
  readonly retryInMs?: number;
}

/** What the server says first on each connection. */
export interface Session {
  readonly user_id: string;
  readonly connection_id: string;
  readonly node_id: string;
  readonly limits?: { readonly payload_bytes?: number };
}
