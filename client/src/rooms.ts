import type { OnThrown } from './emitter.js';
import { LanfareError, NotConnected, OutcomeUnknown } from './errors.js';
import type { Link } from './link.js';
import type { Outcome } from './options.js';
import type { PresenceData } from './presence.js';
import { errorOf, type ErrorData, type Requests } from './requests.js';
import { Room, type PublishOptions, type RoomHost, type RoomMessage, type RoomOptions } from './room.js';
import { byteLength } from './utf8.js';

/** The most rooms that one `join` may name. */
const ROOMS_MAX = 128;
/** The limit of a frame when `ready` names none. */
const FRAME_BYTES = 65_536;
/** The bytes of a `join` without its rooms. */
const ENVELOPE_BYTES = 80;
/** The wait after a refusal that is temporary. */
const RETRY_MS = 1000;

/** The answer to one room of a `join`. */
interface JoinAnswer {
  readonly complete: boolean;
  readonly error?: ErrorData;
}

/** What a `join` says of a room. */
type Entry = string | (RoomOptions & { room: string });

type Publish = (data: object, options: PublishOptions) => Promise<Outcome>;

/** The rooms of a connection, joined together and joined again after each break. */
export class Rooms implements RoomHost {
  readonly #rooms = new Map<string, Room>();
  /** The rooms that we joined ourselves. Those that the server put us into are not among them. */
  readonly #entries = new Map<Room, Entry>();
  /** The rooms that the next `join` names. */
  readonly #unjoined = new Set<Room>();
  #retry: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly link: Link,
    private readonly requests: Requests,
    private readonly send: Publish,
    private readonly onThrown: OnThrown,
  ) {}

  get(name: string): Room | undefined {
    return this.#rooms.get(name);
  }

  /** The same handle each time. Options that are given replace the former ones. */
  join(name: string, options?: RoomOptions): Room {
    const room = this.#rooms.get(name) ?? this.#add(name);
    if (this.link.state.name === 'closed') {
      this.#end(room, 'closed', new NotConnected(this.link.state.reason));
    } else if (options !== undefined || !this.#entries.has(room)) {
      // a copy, for it is said again later; and what is no JSON throws here
      const entry = options && (JSON.parse(JSON.stringify({ room: name, ...options })) as Entry);
      this.#entries.set(room, entry ?? name);
      this.#unjoined.add(room);
      // with all others of this turn
      queueMicrotask(() => this.flush());
    }
    return room;
  }

  publish(room: string, data: unknown, options: PublishOptions): Promise<Outcome> {
    // behind its join
    this.flush();
    return this.send({ room, data }, options);
  }

  leave(room: Room): Promise<void> {
    if (this.#rooms.get(room.name) !== room) return Promise.resolve();
    this.#forget(room);
    room.left();
    if (!this.link.isOpen) return Promise.resolve();
    const left = this.requests.ask('leave', { room: room.name }).then(
      () => undefined,
      (error: unknown) => {
        // a broken connection does no harm here: a client that is not connected is in no room
        if (!(error instanceof OutcomeUnknown)) throw error;
      },
    );
    left.catch(() => undefined);
    return left;
  }

  /** Called for a new connection, which is not in any room yet. */
  opened(): void {
    for (const room of this.#entries.keys()) this.#unjoined.add(room);
    this.flush();
  }

  lost(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    const isFinal = this.link.state.name === 'closed';
    for (const room of this.#rooms.values()) {
      if (!isFinal && this.#entries.has(room)) room.lost();
      else this.#end(room, 'disconnected', new NotConnected(this.link.state.reason));
    }
  }

  /** The server put this connection into a room: it is not joined again. Undefined where it is known already. */
  entered(name: string): Room | undefined {
    if (this.#rooms.has(name)) return undefined;
    const room = this.#add(name);
    room.admitted(true);
    return room;
  }

  left({ room: name, reason }: { room: string; reason: string }): void {
    const room = this.#rooms.get(name);
    if (room !== undefined) this.#end(room, reason);
  }

  received(message: RoomMessage): void {
    this.#rooms.get(message.room)?.received(message);
  }

  changed(data: PresenceData): void {
    this.#rooms.get(data.room)?.changed(data);
  }

  /** Joins what is not joined yet, in as few frames as fit. */
  flush(): void {
    if (!this.link.isOpen || this.#unjoined.size === 0) return;
    const bytesMax = Math.min(FRAME_BYTES, this.requests.frameBytesMax) - ENVELOPE_BYTES;
    let batch: Room[] = [];
    let bytes = 0;
    const waiting = [...this.#unjoined];
    this.#unjoined.clear();
    for (const room of waiting) {
      const length = byteLength(JSON.stringify(this.#entries.get(room))) + 1;
      if (batch.length === ROOMS_MAX || (bytes + length > bytesMax && bytes > 0)) {
        this.#ask(batch);
        batch = [];
        bytes = 0;
      }
      batch.push(room);
      bytes += length;
    }
    if (batch.length > 0) this.#ask(batch);
  }

  #ask(batch: readonly Room[]): void {
    const rooms = batch.map((room) => this.#entries.get(room));
    const answer = this.requests.ask('join', { rooms }) as Promise<{ rooms: readonly JoinAnswer[] }>;
    answer.then(
      (data) => {
        for (const [index, room] of batch.entries()) this.#answered(room, data.rooms[index]);
      },
      (error: LanfareError) => {
        for (const room of batch) this.#refused(room, error);
      },
    );
  }

  #answered(room: Room, answer: JoinAnswer | undefined): void {
    if (answer?.error !== undefined) this.#refused(room, errorOf(answer.error));
    else if (this.#rooms.get(room.name) === room) room.admitted(answer?.complete ?? false);
  }

  #refused(room: Room, error: LanfareError): void {
    if (this.#rooms.get(room.name) !== room || !this.link.isOpen) return;
    if (error.retryable || error instanceof OutcomeUnknown) {
      this.#unjoined.add(room);
      this.#retry ??= setTimeout(
        () => {
          this.#retry = undefined;
          this.flush();
        },
        RETRY_MS * (1 + 4 * Math.random()),
      );
    } else if (room.state === 'joined') {
      // it only wanted to change its options, and is still a member
      this.onThrown(error);
    } else this.#end(room, error.code, error);
  }

  #add(name: string): Room {
    const room = new Room(name, this, this.onThrown);
    this.#rooms.set(name, room);
    return room;
  }

  #end(room: Room, reason: string, error?: LanfareError): void {
    this.#forget(room);
    room.ended(reason, error);
  }

  #forget(room: Room): void {
    this.#rooms.delete(room.name);
    this.#entries.delete(room);
    this.#unjoined.delete(room);
  }
}
