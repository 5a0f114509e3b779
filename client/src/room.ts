import { Emitter, type Handler, type OnThrown } from './emitter.js';
import { LanfareError } from './errors.js';
import type { Outcome, SendOptions } from './options.js';
import { PresenceList, type Presence, type PresenceData } from './presence.js';

export interface RoomOptions {
  /** `watch` sees who is in the room, `enter` is seen. */
  presence?: 'watch' | 'enter' | 'both' | undefined;
  /** What others see of this device: up to 1 KiB of JSON. */
  info?: unknown;
}

export interface RoomMessage<Data = unknown> {
  readonly room: string;
  /** Null when the application itself sent the message. */
  readonly from: string | null;
  readonly data: Data;
  readonly message_id?: string;
}

/** The answer to a join. */
export interface Joined {
  /** False: what some node sends may be missed until it has caught up. */
  readonly complete: boolean;
  /** It is not the first time: what was published in between was missed. */
  readonly again: boolean;
}

export interface RoomEvents<Data> {
  message: RoomMessage<Data>;
  /** The whole presence of the room, with the changes applied. */
  presence: Presence;
  joined: Joined;
  /** The server took us out, or does not let us in (again). `reason`: `removed`, `forbidden`, or an error's code. */
  left: { readonly reason: string };
}

export interface PublishOptions extends SendOptions {
  /** False: the message does not go to this connection itself. */
  echo?: boolean | undefined;
}

/** What a room needs of its connection. */
export interface RoomHost {
  publish(room: string, data: unknown, options: PublishOptions): Promise<Outcome>;
  leave(room: object): Promise<void>;
}

/** A room one is in, or wants to be. It is joined again by itself on each new connection. */
export class Room<Data = unknown> {
  /** `left` is final: ask the connection for the room again. */
  state: 'joining' | 'joined' | 'left' = 'joining';
  /** Of the first join. Rejects with the code of the refusal. */
  readonly joined: Promise<Joined>;
  readonly #events: Emitter<RoomEvents<Data>>;
  readonly #presence = new PresenceList();
  #wasJoined = false;
  #resolve!: (joined: Joined) => void;
  #reject!: (error: LanfareError) => void;

  constructor(
    readonly name: string,
    private readonly host: RoomHost,
    onThrown: OnThrown,
  ) {
    this.#events = new Emitter(onThrown);
    this.joined = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.joined.catch(() => undefined);
  }

  /** Who is in it, as far as it is known. */
  get presence(): Presence {
    return this.#presence.current;
  }

  /** Returns a function that removes the handler. */
  on<E extends keyof RoomEvents<Data>>(event: E, handle: Handler<RoomEvents<Data>[E]>): () => void {
    return this.#events.on(event, handle);
  }

  publish(data: Data, options: PublishOptions = {}): Promise<Outcome> {
    return this.host.publish(this.name, data, options);
  }

  /** Leaves the room. No message of the room comes after it. */
  leave(): Promise<void> {
    return this.host.leave(this);
  }

  /** @internal A connection broke: it will be joined again. */
  lost(): void {
    this.state = 'joining';
    this.#presence.restart();
  }

  /** @internal */
  admitted(complete: boolean): void {
    const joined = { complete, again: this.#wasJoined };
    this.#wasJoined = true;
    this.state = 'joined';
    this.#resolve(joined);
    this.#events.emit('joined', joined);
  }

  /** @internal For good, and not by `leave()`. */
  ended(reason: string, error = new LanfareError('not_joined', reason)): void {
    this.left(error);
    this.#events.emit('left', { reason });
  }

  /** @internal */
  left(error = new LanfareError('not_joined', 'left')): void {
    this.state = 'left';
    this.#reject(error);
  }

  /** @internal */
  received(message: RoomMessage<Data>): void {
    this.#events.emit('message', message);
  }

  /** @internal */
  changed(data: PresenceData): void {
    if (this.#presence.fold(data)) this.#events.emit('presence', this.presence);
  }
}
