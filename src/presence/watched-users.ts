import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { ConfigType } from '@nestjs/config';
import { Cluster } from '../cluster/cluster.js';
import type { Address } from '../cluster/bus/bus.js';
import { ConnectionRegistry } from '../connections/connection-registry.js';
import { presenceConfig } from './presence.config.js';

/** How long one turn of the event loop may take for users whose grace has ended. */
const SLICE_MS = 4;
/** So many users are looked at between two looks at the clock. */
const USERS_PER_LOOK = 64;

/** Is told when a user whom it watches comes online or goes offline. It must not throw. */
export interface UserWatcher {
  userChanged(userId: string, isOnline: boolean): void;
}

interface WatchedUser {
  readonly id: string;
  readonly address: Address;
  readonly watchers: Set<UserWatcher>;
  /** The user has a connection on another node. */
  isElsewhere: boolean;
  /** What watchers are told: true until the grace has ended. */
  isOnline: boolean;
}

/**
 * The users whom somebody on this node watches: clients, or modules.
 *
 * A user is there while this node has a connection of the user, or the directory has the user on another node. Who comes
 * is told at once. Who goes, for whatever reason, is told after PRESENCE_GRACE_MS, unless back by then. The directory is
 * all that is read: no datagram is sent.
 */
@Injectable()
export class WatchedUsers implements OnModuleInit, OnApplicationShutdown {
  /** Users who came online and went offline, as watchers were told. */
  readonly changes = { online: 0, offline: 0 };
  readonly #users = new Map<string, WatchedUser>();
  /** Users who have gone, and when their grace ends. All have the same grace, so the first is the next. */
  readonly #leaving = new Map<WatchedUser, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly connections: ConnectionRegistry,
    private readonly cluster: Cluster,
    @Inject(presenceConfig.KEY) private readonly config: ConfigType<typeof presenceConfig>,
  ) {}

  onModuleInit(): void {
    this.connections.changes$.subscribe(({ connection, connectionsOfUser, change }) => {
      if (connectionsOfUser > 1 || (connectionsOfUser === 1 && change === 'removed')) return;
      this.#look(this.#users.get(connection.userId));
    });
    this.cluster.holdersChanges$.subscribe(({ address, isHeld }) => {
      const user = address.kind === 'user' ? this.#users.get(address.name) : undefined;
      if (user === undefined) return;
      user.isElsewhere = isHeld;
      this.#look(user);
    });
  }

  onApplicationShutdown(): void {
    clearTimeout(this.#timer);
  }

  get size(): number {
    return this.#users.size;
  }

  /** The watcher is told of the user from now on. Returns whether the user is online. */
  add(userId: string, watcher: UserWatcher): boolean {
    let user = this.#users.get(userId);
    if (user === undefined) {
      user = this.#begin(userId);
      this.#users.set(userId, user);
    }
    user.watchers.add(watcher);
    return user.isOnline;
  }

  remove(userId: string, watcher: UserWatcher): void {
    const user = this.#users.get(userId);
    if (user?.watchers.delete(watcher) !== true || user.watchers.size > 0) return;
    this.#users.delete(userId);
    this.#leaving.delete(user);
    this.cluster.unwatch(user.address);
  }

  #begin(userId: string): WatchedUser {
    const address: Address = { kind: 'user', name: userId };
    this.cluster.watch(address);
    const isElsewhere = this.cluster.holders(address).nodeIds.length > 0;
    const isOnline = isElsewhere || this.connections.count(userId) > 0;
    return { id: userId, address, watchers: new Set(), isElsewhere, isOnline };
  }

  #look(user: WatchedUser | undefined): void {
    if (user === undefined) return;
    const isThere = user.isElsewhere || this.connections.count(user.id) > 0;
    if (isThere) {
      this.#leaving.delete(user);
      if (!user.isOnline) this.#tell(user, true);
    } else if (user.isOnline && !this.#leaving.has(user)) {
      this.#leaving.set(user, performance.now() + this.config.PRESENCE_GRACE_MS);
      this.#timer ??= setTimeout(this.#endGraces, this.config.PRESENCE_GRACE_MS);
    }
  }

  readonly #endGraces = (): void => {
    this.#timer = undefined;
    const start = performance.now();
    let count = 0;
    for (const [user, until] of this.#leaving) {
      const now = performance.now();
      if (until > now || (++count % USERS_PER_LOOK === 0 && now - start > SLICE_MS)) {
        this.#timer = setTimeout(this.#endGraces, Math.max(0, until - now));
        return;
      }
      this.#leaving.delete(user);
      this.#tell(user, false);
    }
  };

  #tell(user: WatchedUser, isOnline: boolean): void {
    user.isOnline = isOnline;
    this.changes[isOnline ? 'online' : 'offline']++;
    for (const watcher of user.watchers) watcher.userChanged(user.id, isOnline);
  }
}
