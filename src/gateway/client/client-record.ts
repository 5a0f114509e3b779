import type { Identity } from '../../authentication/authenticator.js';
import type { ConnectionKey } from '../../connections/connection-key.js';
import type { Arrival } from './arrival.js';

const NO_CLAIMS = Object.freeze({});

/**
 * What is known of one client apart from its socket: who it is, what modules keep with it, when its token expires, and
 * whether it gives signs of life. (A base class, and not a part of ClientConnection: that would be one more object for
 * each idle connection.)
 */
export abstract class ClientRecord {
  readonly connectedAt = Date.now();
  /** Empty for clients of gateways that ask for no authentication. */
  readonly userId: string;
  readonly isEnveloped: boolean;
  readonly address: string;
  readonly params: Arrival['params'];
  readonly isMain: boolean;

  #claims: Identity['claims'];
  #kept: Map<ConnectionKey<unknown>, unknown> | null = null;
  #expiresAt = Number.POSITIVE_INFINITY;
  #expiryDeadline = Number.POSITIVE_INFINITY;
  #expiryDue = 0;
  #heartbeatPart = 0;
  #unansweredPings = 0;

  constructor(
    readonly id: string,
    { identity, isEnveloped, address, params, isMain }: Arrival,
  ) {
    this.userId = identity.userId;
    this.isEnveloped = isEnveloped;
    this.address = address;
    this.params = params;
    this.isMain = isMain;
  }

  get isAnonymous(): boolean {
    return this.userId === '';
  }

  get claims(): Readonly<Record<string, unknown>> {
    return this.#claims ?? NO_CLAIMS;
  }

  get<T>(key: ConnectionKey<T>): T | undefined {
    return this.#kept?.get(key) as T | undefined;
  }

  set<T>(key: ConnectionKey<T>, value: T): void {
    (this.#kept ??= new Map()).set(key, value);
  }

  /** When the token expires, in milliseconds since the epoch; Infinity: never. */
  get expiresAt(): number {
    return this.#expiresAt;
  }

  /** The same by the monotonic clock. */
  get expiryDeadline(): number {
    return this.#expiryDeadline;
  }

  /** The second in which TokenExpiries looks at it next. */
  get expiryDue(): number {
    return this.#expiryDue;
  }

  expiryFiled(second: number): void {
    this.#expiryDue = second;
  }

  /** The part of the interval in which Heartbeats pings it. */
  get heartbeatPart(): number {
    return this.#heartbeatPart;
  }

  beatIn(part: number): void {
    this.#heartbeatPart = part;
  }

  /** Pings since the last sign of life. */
  get unansweredPings(): number {
    return this.#unansweredPings;
  }

  /** A sign of life. */
  heard(): void {
    this.#unansweredPings = 0;
  }

  protected pinged(): void {
    this.#unansweredPings++;
  }

  /** The user has been authenticated. @param deadline `expiresAt` by the monotonic clock */
  protected authenticated(claims: Identity['claims'], expiresAt: number, deadline: number): void {
    this.#claims = claims;
    this.#expiresAt = expiresAt;
    this.#expiryDeadline = deadline;
  }
}
