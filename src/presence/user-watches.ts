import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { ConfigType } from '@nestjs/config';
import { Cluster } from '../cluster/cluster.js';
import { ConnectionRegistry } from '../connections/connection-registry.js';
import type { Device } from '../connections/device.js';
import { usersFrames } from '../wire/presence-frames.js';
import { InSlices } from './in-slices.js';
import { presenceConfig } from './presence.config.js';
import { WatchedUsers, type UserWatcher } from './watched-users.js';

/** All connections together. The first watch of a user takes 660 bytes, each further one 80: 330 MB at most. */
const WATCHES_MAX = 500_000;
/** Changes are collected for so long, so that a client gets those of one moment in one frame. */
const TELL_EVERY_MS = 100;

/** Which of the users are online now. */
export interface OnlineUsers {
  readonly online: readonly string[];
  /** False: others may be online too, because the users of a node are still being learnt, or a node is not heard well. */
  readonly complete: boolean;
}

/** The users that a client watches, and what it was told of each. */
class DeviceWatches implements UserWatcher {
  readonly told = new Map<string, boolean>();
  readonly #changed = new Map<string, boolean>();

  constructor(
    readonly device: Device,
    private readonly news: InSlices<DeviceWatches>,
  ) {}

  userChanged(userId: string, isOnline: boolean): void {
    if (this.#changed.size === 0) this.news.add(this);
    this.#changed.set(userId, isOnline);
  }

  forget(userId: string): void {
    this.told.delete(userId);
    this.#changed.delete(userId);
  }

  /** Tells the client what is not as it was told. */
  tell(): void {
    const online: string[] = [];
    const offline: string[] = [];
    for (const [userId, isOnline] of this.#changed) {
      if (this.told.get(userId) === isOnline) continue;
      this.told.set(userId, isOnline);
      (isOnline ? online : offline).push(userId);
    }
    this.#changed.clear();
    for (const frame of usersFrames('online', online)) this.device.sendText(frame);
    for (const frame of usersFrames('offline', offline)) this.device.sendText(frame);
    this.device.flush();
  }
}

/** The users that clients of this node watch, and the frames that tell them of changes. */
@Injectable()
export class UserWatches implements OnModuleInit, OnApplicationShutdown {
  readonly #byDevice = new Map<Device, DeviceWatches>();
  /** Those with something to tell, each once. */
  readonly #news = new InSlices<DeviceWatches>((watches) => watches.tell(), TELL_EVERY_MS);
  #size = 0;

  constructor(
    private readonly users: WatchedUsers,
    private readonly connections: ConnectionRegistry,
    private readonly cluster: Cluster,
    @Inject(presenceConfig.KEY) private readonly config: ConfigType<typeof presenceConfig>,
  ) {}

  onModuleInit(): void {
    this.connections.changes$.subscribe(({ change, connection }) => {
      if (change === 'removed') this.unwatch(connection as Device, null);
    });
  }

  onApplicationShutdown(): void {
    this.#news.stop();
  }

  /** Watched users of all connections. */
  get size(): number {
    return this.#size;
  }

  /** Whom the connection watches. A snapshot. */
  of(device: Device): string[] {
    return [...(this.#byDevice.get(device)?.told.keys() ?? [])];
  }

  /**
   * The connection watches these users too. Beyond a limit none is added. Whom it watches already is no new one.
   *
   * @returns who of them is online. The connection is told of every change after that
   */
  watch(device: Device, userIds: readonly string[]): OnlineUsers | 'limit_exceeded' {
    if (!this.connections.has(device)) return { online: [], complete: false };
    const present = this.#byDevice.get(device);
    const watches = present ?? new DeviceWatches(device, this.#news);
    const added = new Set(userIds.filter((id) => !watches.told.has(id)));
    if (
      watches.told.size + added.size > this.config.WATCHED_USERS_PER_CONNECTION ||
      this.#size + added.size > WATCHES_MAX
    ) {
      return 'limit_exceeded';
    }
    if (present === undefined && added.size > 0) this.#byDevice.set(device, watches);
    this.#size += added.size;
    for (const userId of added) watches.told.set(userId, this.users.add(userId, watches));
    const asked = [...new Set(userIds)];
    return {
      online: asked.filter((userId) => watches.told.get(userId) === true),
      complete: asked.every((name) => this.cluster.holders({ kind: 'user', name }).complete),
    };
  }

  /** @param userIds null: all */
  unwatch(device: Device, userIds: readonly string[] | null): void {
    const watches = this.#byDevice.get(device);
    if (watches === undefined) return;
    for (const userId of userIds ?? [...watches.told.keys()]) {
      if (!watches.told.has(userId)) continue;
      watches.forget(userId);
      this.users.remove(userId, watches);
      this.#size--;
    }
    if (watches.told.size > 0) return;
    this.#byDevice.delete(device);
    this.#news.remove(watches);
  }
}
