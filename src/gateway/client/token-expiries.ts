import { Logger } from '@nestjs/common';
import { tokenExpiringFrame } from '../../wire/outgoing-frame.js';

/**
 * How long before the end a client is warned. If less than twice of that is left: when half of what is left has passed.
 */
const WARNING_MS = 60_000;
/**
 * How far the wall clock may get ahead of the monotonic one before all connections are looked at again. Both are read
 * in milliseconds.
 */
const STEP_MS = 500;

/** What it needs of a connection. */
interface Expiring {
  /** Milliseconds since the epoch; Infinity: never. */
  readonly expiresAt: number;
  /** The same by the monotonic clock, as it was when the token was verified (`deadlineOf`). */
  readonly expiryDeadline: number;
  /** The second in which it is looked at next. */
  readonly expiryDue: number;
  /** It is looked at next in this second. */
  expiryFiled(second: number): void;
  readonly isEnveloped: boolean;
  sendText(text: string): boolean;
  closeFor(why: 'token_expired'): void;
}

/**
 * Ends connections whose token has expired, and warns those that understand it before. One timer for all of them:
 * connections are filed under the second in which something is due, once each.
 *
 * A token has expired when either clock says so. The monotonic clock counts the time that was left when the token was
 * verified: a wall clock that is set back does not give it more. The wall clock shows what the other one can't know:
 * that it was behind when the token was verified, or that the machine was suspended.
 */
export class TokenExpiries<Connection extends Expiring> {
  readonly #log = new Logger(TokenExpiries.name);
  readonly #bySecond = new Map<number, Set<Connection>>();
  #timer: NodeJS.Timeout | null = null;
  #lookedAt = 0;
  /** The least by which the wall clock was ahead of the monotonic one while the present connections were filed. */
  #ahead = Number.POSITIVE_INFINITY;

  /**
   * @param now milliseconds of a clock that is never set
   * @param wallNow milliseconds since the epoch
   */
  constructor(
    private readonly now: () => number = () => performance.now(),
    private readonly wallNow: () => number = () => Date.now(),
  ) {}

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  /** When a token that has just been verified expires by the monotonic clock. Infinity: never. */
  deadlineOf(expiresAt: number): number {
    return this.now() + expiresAt - this.wallNow();
  }

  /** Watches the connection until it expires. To be called again for a newer token. */
  watch(connection: Connection): void {
    this.forget(connection);
    if (connection.expiresAt === Number.POSITIVE_INFINITY) return;
    const now = this.now();
    const left = this.#endOf(connection) - now;
    const isWarned = connection.isEnveloped && left > 0;
    this.#file(connection, now + left - (isWarned ? Math.min(WARNING_MS, left / 2) : 0));
  }

  forget(connection: Connection): void {
    const second = this.#bySecond.get(connection.expiryDue);
    if (second?.delete(connection) !== true) return;
    if (second.size === 0) this.#bySecond.delete(connection.expiryDue);
  }

  /** Does what is due. The timer calls it every second. */
  look(): void {
    const now = this.now();
    const second = Math.floor(now / 1000);
    const ahead = this.wallNow() - now;
    if (ahead > this.#ahead + STEP_MS) this.#judgeAnew(ahead);
    this.#ahead = Math.min(this.#ahead, ahead);
    for (let key = this.#lookedAt + 1; key <= second; key++) {
      const connections = this.#bySecond.get(key);
      this.#bySecond.delete(key);
      for (const connection of connections ?? []) this.#act(connection);
    }
    this.#lookedAt = Math.max(second, this.#lookedAt);
    this.#timer = this.#bySecond.size > 0 ? this.#nextSecond() : null;
  }

  /** The monotonic time at which the first of the two clocks will say that the token has expired. */
  #endOf({ expiresAt, expiryDeadline }: Expiring): number {
    return Math.min(expiryDeadline, expiresAt - (this.wallNow() - this.now()));
  }

  #file(connection: Connection, dueAt: number): void {
    if (this.#timer === null) {
      this.#lookedAt = Math.floor(this.now() / 1000);
      this.#ahead = this.wallNow() - this.now();
      this.#timer = this.#nextSecond();
    }
    const due = Math.max(Math.ceil(dueAt / 1000), this.#lookedAt + 1);
    const second = this.#bySecond.get(due);
    if (second === undefined) this.#bySecond.set(due, new Set([connection]));
    else second.add(connection);
    connection.expiryFiled(due);
  }

  #nextSecond(): NodeJS.Timeout {
    return setTimeout(() => this.look(), 1000 - (this.now() % 1000)).unref();
  }

  /** The wall clock was set forward, or the machine was suspended. */
  #judgeAnew(ahead: number): void {
    this.#log.warn(
      `The wall clock is ${Math.round((ahead - this.#ahead) / 1000)} s ahead of what it was: tokens expire by it`,
    );
    this.#ahead = ahead;
    // a copy: `watch` files them elsewhere meanwhile
    const filed = [...this.#bySecond.values()].flatMap((connections) => [...connections]);
    for (const connection of filed) this.watch(connection);
  }

  #act(connection: Connection): void {
    const end = this.#endOf(connection);
    if (this.now() >= end) {
      connection.closeFor('token_expired');
    } else {
      connection.sendText(tokenExpiringFrame(connection.expiresAt));
      this.#file(connection, end);
    }
  }
}
