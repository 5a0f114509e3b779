import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { ConfigType } from '@nestjs/config';
import { Subject, type Observable } from 'rxjs';
import { Cluster } from '../cluster/cluster.js';
import { ConnectionRegistry } from '../connections/connection-registry.js';
import type { Device } from '../connections/device.js';
import { Room, type Membership } from './room.js';
import { roomsConfig } from './rooms.config.js';

export interface RoomChange {
  /** `occupied`: its first member on this node has come; `vacated`: the last one has gone. */
  readonly change: 'occupied' | 'vacated';
  readonly room: string;
}

/** A connection has left a room. */
export interface Departure {
  readonly membership: Membership;
  /** The connection has ended, and nobody has said that it should. */
  readonly isLost: boolean;
}

/**
 * Which connections of this node are in which rooms. Joining and leaving take constant time. The list of members here,
 * and what other nodes are told of it, change in one step.
 */
@Injectable()
export class Memberships implements OnModuleInit {
  readonly #rooms = new Map<string, Room>();
  readonly #byDevice = new Map<Device, Map<string, Membership>>();
  readonly #changes = new Subject<RoomChange>();
  readonly #departures = new Subject<Departure>();
  #size = 0;

  /** Hot; never ends. */
  readonly changes$: Observable<RoomChange> = this.#changes.asObservable();

  /** Hot; never ends. */
  readonly departures$: Observable<Departure> = this.#departures.asObservable();

  constructor(
    private readonly connections: ConnectionRegistry,
    private readonly cluster: Cluster,
    @Inject(roomsConfig.KEY) private readonly config: ConfigType<typeof roomsConfig>,
  ) {}

  onModuleInit(): void {
    this.connections.changes$.subscribe(({ change, connection }) => {
      if (change === 'removed') this.#forget(connection as Device);
    });
  }

  /** Memberships of all connections in all rooms. */
  get size(): number {
    return this.#size;
  }

  /** Rooms that have members here, or are still being written to. */
  get rooms(): number {
    return this.#rooms.size;
  }

  /** Undefined: nobody here is in it. */
  room(name: string): Room | undefined {
    return this.#rooms.get(name);
  }

  find(device: Device, room: string): Membership | undefined {
    return this.#byDevice.get(device)?.get(room);
  }

  /** A snapshot. */
  of(device: Device): Membership[] {
    return [...(this.#byDevice.get(device)?.values() ?? [])];
  }

  /**
   * Puts the connection into the room at once. `reachable` is called once, at once or within a bounded time, and says
   * whether every node is known to route to the room; see Bus.join. If the connection is in the room already, only that
   * is asked again. If the connection has gone, nothing is done, and `reachable` is not called.
   *
   * @returns why it was refused: then `reachable` is not called
   */
  join(device: Device, name: string, reachable: (complete: boolean) => void): 'limit_exceeded' | null {
    if (!this.connections.has(device)) return null;
    const address = { kind: 'room', name } as const;
    let mine = this.#byDevice.get(device);
    if (mine?.has(name) === true) {
      this.cluster.join(address, reachable);
      this.cluster.leave(address);
      return null;
    }
    const { ROOMS_PER_CONNECTION, ROOMS_MEMBERSHIPS_MAX } = this.config;
    if ((mine?.size ?? 0) >= ROOMS_PER_CONNECTION || this.#size >= ROOMS_MEMBERSHIPS_MAX) {
      return 'limit_exceeded';
    }
    if (mine === undefined) this.#byDevice.set(device, (mine = new Map()));
    let room = this.#rooms.get(name);
    if (room === undefined) this.#rooms.set(name, (room = new Room(name)));
    mine.set(name, room.add(device));
    this.#size++;
    this.cluster.join(address, reachable);
    if (room.size === 1) this.#changes.next({ change: 'occupied', room: name });
    return null;
  }

  /** Nothing of the room reaches the connection any more. Returns false when it was not in it. */
  leave(device: Device, name: string, isLost = false): boolean {
    const mine = this.#byDevice.get(device);
    const membership = mine?.get(name);
    if (mine === undefined || membership === undefined) return false;
    mine.delete(name);
    if (mine.size === 0) this.#byDevice.delete(device);
    this.#size--;
    const { room } = membership;
    room.remove(membership);
    this.cluster.leave({ kind: 'room', name });
    this.rested(room);
    this.#departures.next({ membership, isLost });
    if (room.size === 0) this.#changes.next({ change: 'vacated', room: name });
    return true;
  }

  /** The room has nothing to write any more: it is removed, if it has no members either. */
  rested(room: Room): void {
    if (room.size === 0 && !room.hasWork) this.#rooms.delete(room.name);
  }

  #forget(device: Device): void {
    for (const { room } of this.of(device)) this.leave(device, room.name, !device.isKicked);
  }
}
