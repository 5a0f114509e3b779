import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { ConfigType } from '@nestjs/config';
import type { Channel } from '../cluster/channel.js';
import { Cluster } from '../cluster/cluster.js';
import { PresenceBook } from '../cluster/protocol/presence/presence-book.js';
import type { Device } from '../connections/device.js';
import { Memberships, type Departure } from '../rooms/memberships.js';
import type { Membership } from '../rooms/room.js';
import {
  memberChangeFrames,
  memberCountFrame,
  membersFrames,
  type RoomMemberChange,
} from '../wire/presence-frames.js';
import type { PresenceWish } from '../wire/room-frames.js';
import type { SharedFrame } from '../wire/shared-frame.js';
import { InSlices } from './in-slices.js';
import { presenceConfig } from './presence.config.js';
import { PresenceQueue } from './presence-queue.js';
import { WatchedRoom } from './watched-room.js';

const CHANNEL = 'lanfare.presence';
/** A room with more bytes of `info` is shown by numbers. */
const INFO_BYTES_MAX = 256 << 10;
/** Memory of those who are seen here, and of those who are looked at from here. Beyond, nobody else enters, or looks. */
const BYTES_MAX = 64 << 20;
/** A client that has too much to take is looked at again after this time. */
const WRITE_AGAIN_MS = 100;
/** While not every node knows that a room is watched here, that is tried again: after this time, then twice as long. */
const REACH_AGAIN_MS = 1000;
const REACH_AGAIN_MAX_MS = 10_000;
/**
 * A room that nobody looks at any more is watched on for so long: a page that is loaded anew, or a client that joins and
 * leaves all the time, does not make this node ask all others each time. At most so many rooms are.
 */
const LINGER_MS = 5000;
const LINGERING_MAX = 1024;

/** What becomes of a wish. */
export interface WishAnswers {
  /** Called once, at once or within about a second, before the list: the list is as complete as it can be known. */
  readonly done: (complete: boolean) => void;
  /** A list goes out, so many bytes. */
  readonly listed: (bytes: number) => void;
}

/**
 * Presence of rooms: who of this node's connections is seen, and who looks. `PresenceBook` has the rules between nodes. This
 * gives it the time and the cluster, and tells clients what it shows.
 *
 * A client that looks gets the list once, and then the changes, as fast as it reads: one that falls behind gets the list
 * anew. Frames are built once for all who get them.
 */
@Injectable()
export class RoomPresence implements OnModuleInit, OnApplicationShutdown {
  /** Changes that rooms' watchers here were told: entries. */
  readonly changes = { joined: 0, updated: 0, left: 0 };
  readonly #book: PresenceBook;
  readonly #channel: Channel;
  readonly #rooms = new Map<string, WatchedRoom>();
  readonly #queues = new Map<Device, PresenceQueue>();
  readonly #charges = new WeakMap<Device, (bytes: number) => void>();
  readonly #writing = new InSlices<PresenceQueue>((queue) => this.#write(queue), 0);
  readonly #waiting = new InSlices<PresenceQueue>((queue) => this.#write(queue), WRITE_AGAIN_MS);
  /** Rooms that are watched on though nobody looks at them. */
  #lingering = 0;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Infinity;

  constructor(
    private readonly memberships: Memberships,
    private readonly cluster: Cluster,
    @Inject(presenceConfig.KEY) config: ConfigType<typeof presenceConfig>,
  ) {
    const channel = cluster.channel(CHANNEL);
    this.#channel = channel;
    this.#book = new PresenceBook(
      {
        graceMs: config.PRESENCE_GRACE_MS,
        usersMax: config.PRESENCE_MEMBERS_MAX,
        infoBytesMax: INFO_BYTES_MAX,
      },
      {
        tellWatchers: (room, message) => channel.publishToHolders({ kind: 'watch', name: room }, message),
        tell: (node, message) => channel.publishTo(node, message),
        peers: () => cluster.peers().map(({ nodeId }) => nodeId),
        show: (room, change) => this.#show(room, change),
      },
    );
  }

  onModuleInit(): void {
    this.memberships.departures$.subscribe((departure) => this.#departed(departure));
    this.#channel.messages$.subscribe(({ nodeId, data }) =>
      this.#work((now) => this.#book.receive(now, nodeId, data)),
    );
    this.cluster.peerChanges$.subscribe(({ change, peer }) =>
      this.#work((now) => {
        if (change === 'joined' || change === 'rejoined') this.#book.peerJoined(now, peer.nodeId);
        else this.#book.peerGone(now, peer.nodeId);
      }),
    );
    this.cluster.gaps$.subscribe(({ kind, nodeId }) => {
      if (kind === 'incomplete' || kind === 'lost') this.#work((now) => this.#book.dropped(now, nodeId));
    });
  }

  onApplicationShutdown(): void {
    clearTimeout(this.#timer);
    this.#writing.stop();
    this.#waiting.stop();
    for (const room of this.#rooms.values()) room.end();
  }

  /** Rooms that somebody here looks at. */
  get watchedRooms(): number {
    return this.#rooms.size;
  }

  /** Memory of those who are seen here, and of those who are looked at from here. */
  get bytes(): number {
    return this.#book.bytes;
  }

  /** Messages of other nodes that could not be read. */
  get malformed(): number {
    return this.#book.malformed;
  }

  /** There is no memory for more who are seen, or look. */
  get isFull(): boolean {
    return this.#book.bytes > BYTES_MAX;
  }

  /** The connection is in the room, and wants this of its presence from now on; what it wanted before is over. */
  wish(membership: Membership, wish: PresenceWish, answers: WishAnswers): void {
    const { device, room } = membership;
    const { watches, enters, info } = wish;
    const at = Date.now();
    this.#work((now) => {
      if (enters) {
        this.#book.enter(now, room.name, { connection: device.id, user: device.userId, at, info });
      } else if (membership.entrance !== null) this.#book.exit(now, room.name, device.id);
    });
    membership.enter(enters ? { info, at } : null);
    this.unwatch(device, room.name);
    if (watches) this.#watch(device, room.name, answers);
    else answers.done(true);
  }

  /** The connection looks at the room. */
  isWatching(device: Device, room: string): boolean {
    const queue = this.#queues.get(device);
    return queue !== undefined && (queue.listed.has(room) || queue.unlisted.has(room));
  }

  /** The connection looks at the room no more. */
  unwatch(device: Device, name: string): void {
    const queue = this.#queues.get(device);
    const room = this.#rooms.get(name);
    if (queue === undefined || room === undefined || !room.queues.delete(queue)) return;
    queue.forget(name);
    room.arriving.delete(queue);
    if (!queue.isWatching) this.#queues.delete(device);
    if (room.queues.size > 0) return;
    if (this.#lingering >= LINGERING_MAX) {
      this.#forget(room);
      return;
    }
    this.#lingering++;
    room.linger(LINGER_MS, () => {
      this.#endLinger(room);
      this.#forget(room);
    });
  }

  #departed({ membership, isLost }: Departure): void {
    const { device, room, entrance } = membership;
    if (entrance !== null) {
      this.#work((now) => {
        if (isLost) this.#book.lose(now, room.name, device.id);
        else this.#book.exit(now, room.name, device.id);
      });
    }
    this.unwatch(device, room.name);
  }

  #watch(device: Device, name: string, { done, listed }: WishAnswers): void {
    let queue = this.#queues.get(device);
    if (queue === undefined) this.#queues.set(device, (queue = new PresenceQueue(device)));
    this.#charges.set(device, listed);
    let room = this.#rooms.get(name);
    const isFirst = room === undefined;
    if (room === undefined) {
      room = new WatchedRoom(name);
      this.#rooms.set(name, room);
    }
    this.#endLinger(room);
    room.queues.add(queue);
    const watched = room;
    const watching = queue;
    this.#work((now) =>
      this.#book.watch(now, name, (complete) => {
        done(complete);
        if (!watched.queues.has(watching)) return;
        // the list comes after the ack, and has who entered with this very join
        if (this.#book.hasNews(name)) watched.arriving.add(watching);
        else this.#list(watching, name);
      }),
    );
    if (isFirst) this.#reach(watched, REACH_AGAIN_MS);
  }

  /** Announces that the room is watched here, and asks for its members when all nodes know it. */
  #reach(room: WatchedRoom, againMs: number): void {
    this.cluster.join(room.address, (complete) => {
      if (this.#rooms.get(room.name) !== room) return;
      this.#work((now) => this.#book.reached(now, room.name, complete));
      if (complete) return;
      room.reachLater(againMs, () => {
        this.#reach(room, Math.min(againMs * 2, REACH_AGAIN_MAX_MS));
        this.cluster.leave(room.address);
      });
    });
  }

  #endLinger(room: WatchedRoom): void {
    if (room.endLinger()) this.#lingering--;
  }

  #forget(room: WatchedRoom): void {
    this.#rooms.delete(room.name);
    room.end();
    this.#work(() => this.#book.unwatch(room.name));
    this.cluster.leave(room.address);
  }

  #show(name: string, change: RoomMemberChange | null): void {
    const room = this.#rooms.get(name);
    if (room === undefined) return;
    if (change === null) this.#showCount(room);
    else if (room.isShownByNumbers) this.#showListAgain(room);
    else this.#showChange(room, change);
    for (const queue of room.arriving) this.#list(queue, name);
    room.arriving.clear();
  }

  #showChange(room: WatchedRoom, change: RoomMemberChange): void {
    const { joined, updated, left } = change;
    this.changes.joined += joined.length;
    this.changes.updated += updated.length;
    this.changes.left += left.length;
    const frames = memberChangeFrames(room.name, change);
    if (frames.length > 0) this.#send(room, frames);
  }

  #showListAgain(room: WatchedRoom): void {
    room.showMembers();
    for (const queue of room.queues) {
      if (queue.listed.delete(room.name)) this.#list(queue, room.name);
    }
  }

  #list(queue: PresenceQueue, room: string): void {
    queue.unlisted.add(room);
    this.#writing.add(queue);
  }

  #showCount(room: WatchedRoom): void {
    room.showNumbers(() => this.#send(room, [memberCountFrame(room.name, this.#book.count(room.name))]));
  }

  /** To all who have the list. */
  #send({ name, queues }: WatchedRoom, frames: readonly SharedFrame[]): void {
    for (const queue of queues) {
      if (!queue.listed.has(name)) continue;
      queue.push(frames);
      this.#writing.add(queue);
    }
  }

  #write(queue: PresenceQueue): void {
    if (queue.device.isClosing) return;
    if (!queue.write()) {
      this.#waiting.add(queue);
      return;
    }
    // one list at a time: the next one when this one has been taken
    const [room] = queue.unlisted;
    if (room === undefined) return;
    queue.unlisted.delete(room);
    queue.listed.add(room);
    const frames = this.#listOf(room);
    this.#charges.get(queue.device)?.(frames.reduce((sum, { bytes }) => sum + bytes.length, 0));
    queue.push(frames);
    this.#writing.add(queue);
  }

  #listOf(room: string): SharedFrame[] {
    const members = this.#book.members(room);
    return members === null ? [memberCountFrame(room, this.#book.count(room))] : membersFrames(room, members);
  }

  /** Every use of the book: it may have a new deadline then. */
  #work(use: (now: number) => void): void {
    use(performance.now());
    const due = this.#book.pollTimeout();
    if (due >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = due;
    this.#timer = setTimeout(this.#handleTimeout, Math.max(1, Math.ceil(due - performance.now())));
  }

  readonly #handleTimeout = (): void => {
    this.#timerAt = Infinity;
    this.#work((now) => this.#book.handleTimeout(now));
  };
}
