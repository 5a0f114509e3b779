import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { tokenExpiringFrame } from '../../wire/outgoing-frame.js';
import type { ClientConnection } from './client-connection.js';

/** How long before the end a client is warned; half of what is left for tokens that live shorter. */
const WARNING_MS = 60_000;

/**
 * Ends connections whose token has expired, and warns those that understand it before. One timer for all of them:
 * connections are filed under the second in which something is due, once each.
 */
@Injectable()
export class TokenExpiries implements OnApplicationShutdown {
  readonly #bySecond = new Map<number, Set<ClientConnection>>();
  #timer: NodeJS.Timeout | null = null;
  #lookedAt = 0;

  onApplicationShutdown(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  /** Watches the connection until its `expiresAt`. Again, after that has changed: from the beginning. */
  watch(connection: ClientConnection): void {
    this.forget(connection);
    if (connection.expiresAt === Number.POSITIVE_INFINITY) return;
    const left = connection.expiresAt - Date.now();
    const isWarned = connection.isEnveloped && left > 0;
    this.#file(connection, connection.expiresAt - (isWarned ? Math.min(WARNING_MS, left / 2) : 0));
  }

  forget(connection: ClientConnection): void {
    const second = this.#bySecond.get(connection.expiryDue);
    if (second?.delete(connection) !== true) return;
    if (second.size === 0) this.#bySecond.delete(connection.expiryDue);
  }

  #file(connection: ClientConnection, dueAt: number): void {
    const due = Math.max(Math.ceil(dueAt / 1000), this.#lookedAt + 1);
    const second = this.#bySecond.get(due);
    if (second === undefined) this.#bySecond.set(due, new Set([connection]));
    else second.add(connection);
    connection.expiryDue = due;
    this.#timer ??= this.#nextSecond();
  }

  #nextSecond(): NodeJS.Timeout {
    return setTimeout(() => this.#look(), 1000 - (Date.now() % 1000)).unref();
  }

  #look(): void {
    const now = Date.now();
    const second = Math.floor(now / 1000);
    // after a leap of the clock there may be more seconds than entries
    const due =
      second - this.#lookedAt > this.#bySecond.size
        ? [...this.#bySecond.keys()].filter((key) => key <= second)
        : Array.from({ length: second - this.#lookedAt }, (_, index) => this.#lookedAt + 1 + index);
    this.#lookedAt = Math.max(second, this.#lookedAt);
    for (const key of due) {
      const connections = this.#bySecond.get(key);
      this.#bySecond.delete(key);
      for (const connection of connections ?? []) this.#act(connection, now);
    }
    this.#timer = this.#bySecond.size > 0 ? this.#nextSecond() : null;
  }

  #act(connection: ClientConnection, now: number): void {
    if (now >= connection.expiresAt) {
      connection.close('token_expired');
    } else {
      connection.sendText(tokenExpiringFrame(connection.expiresAt));
      this.#file(connection, connection.expiresAt);
    }
  }
}
