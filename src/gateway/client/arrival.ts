import type { Identity } from '../../authentication/authenticator.js';

/** What is known of a client when it is let in. */
export interface Arrival {
  readonly identity: Identity;
  /** Deliveries are events of lanfare.v1.json; else the bare data. */
  readonly isEnveloped: boolean;
  /** Where the client is, as far as our trusted proxies know. */
  readonly address: string;
  /** Of the path, for gateways with a path such as /rooms/:room. */
  readonly params: Readonly<Record<string, string | string[] | undefined>>;
  /** On WS_PATH: a device of its user. */
  readonly isMain: boolean;
}
