import { Injectable } from '@nestjs/common';
import { Subject, type Observable } from 'rxjs';
import type { Message } from '../wire/message.js';
import type { Connection } from './connection.js';
import type { Device } from './device.js';

export interface ConnectionChange {
  readonly change: 'added' | 'removed';
  readonly connection: Connection;
  /** How many connections the user has on this node after the change: 1 after the first came, 0 after the last went. */
  readonly connectionsOfUser: number;
}

/**
 * The connections of this node, by user. A user may have several. Look-up, adding and removing take constant time.
 * Invariant: a connection is listed here once, from `add` to `remove`. Its user has an entry as long as it has
 * connections.
 */
@Injectable()
export class ConnectionRegistry {
  // Most users have one connection: it is stored without an array, and the second one makes the array.
  readonly #connectionsByUser = new Map<string, Device | Device[]>();
  readonly #changes = new Subject<ConnectionChange>();
  #size = 0;

  /** Every change, in order, after it was made. Hot: no replay. Never errors or completes. */
  readonly changes$: Observable<ConnectionChange> = this.#changes.asObservable();

  /** Connections on this node. */
  get size(): number {
    return this.#size;
  }

  /** Users with at least one connection on this node. */
  get userCount(): number {
    return this.#connectionsByUser.size;
  }

  /** @throws {Error} when it is registered already: two owners would both remove it */
  add(connection: Device): void {
    const present = this.#connectionsByUser.get(connection.userId);
    let count = 1;
    if (present === undefined) {
      this.#connectionsByUser.set(connection.userId, connection);
    } else if (Array.isArray(present)) {
      if (present.includes(connection)) throw new Error(`connection ${connection.id} is registered already`);
      count = present.push(connection);
    } else {
      if (present === connection) throw new Error(`connection ${connection.id} is registered already`);
      this.#connectionsByUser.set(connection.userId, [present, connection]);
      count = 2;
    }
    this.#size++;
    this.#changes.next({ change: 'added', connection, connectionsOfUser: count });
  }

  /** Returns false when it was not registered. Removing twice is harmless. */
  remove(connection: Device): boolean {
    const present = this.#connectionsByUser.get(connection.userId);
    let count = 0;
    if (present === connection) {
      this.#connectionsByUser.delete(connection.userId);
    } else if (Array.isArray(present) && present.includes(connection)) {
      const others = present.filter((other) => other !== connection);
      count = others.length;
      this.#connectionsByUser.set(connection.userId, count === 1 ? (others[0] as Device) : others);
    } else {
      return false;
    }
    this.#size--;
    this.#changes.next({ change: 'removed', connection, connectionsOfUser: count });
    return true;
  }

  /** The user's connections on this node, oldest first. A snapshot. */
  of(userId: string): readonly Connection[] {
    const present = this.#connectionsByUser.get(userId);
    if (present === undefined) return [];
    return Array.isArray(present) ? [...present] : [present];
  }

  has(connection: Device): boolean {
    const present = this.#connectionsByUser.get(connection.userId);
    return Array.isArray(present) ? present.includes(connection) : present === connection;
  }

  count(userId: string): number {
    const present = this.#connectionsByUser.get(userId);
    if (present === undefined) return 0;
    return Array.isArray(present) ? present.length : 1;
  }

  /** Every connection on this node. Changes made while iterating may or may not be seen. */
  *all(): IterableIterator<Connection> {
    for (const present of this.#connectionsByUser.values()) {
      if (Array.isArray(present)) yield* present;
      else yield present;
    }
  }

  /** Gives the message to the user's connections here. Returns into how many outgoing queues it went. */
  deliver(message: Message): number {
    const present = this.#connectionsByUser.get(message.to);
    if (present === undefined) return 0;
    if (!Array.isArray(present)) return present.deliver(message) ? 1 : 0;
    let delivered = 0;
    // removing replaces the array and adding appends to it, so this loop is safe whatever a connection does
    for (const connection of present) if (connection.deliver(message)) delivered++;
    return delivered;
  }
}
