import { Emitter, type Handler } from './emitter.js';
import { LanfareError, NotConnected } from './errors.js';
import { Link } from './link.js';
import type { ConnectOptions, Outcome, SendOptions } from './options.js';
import type { PresenceData } from './presence.js';
import { REFUSED, type Frame } from './protocol.js';
import { errorOf, Requests, type ErrorData } from './requests.js';
import type { PublishOptions, Room, RoomMessage, RoomOptions } from './room.js';
import { Rooms } from './rooms.js';
import type { Session, State } from './state.js';

/** A message to this connection's user. */
export interface DirectMessage<Data = unknown> {
  /** Null when the application itself sent the message. */
  readonly from: string | null;
  readonly data: Data;
  /** True when the message went to every connection of the cluster. */
  readonly broadcast?: boolean;
}

/** What an application's own module sends by itself; and `presence` of users who are watched, see `watchUsers`. */
export interface ModuleEvent {
  readonly event: string;
  readonly data?: unknown;
}

export interface ConnectionEvents<Direct> {
  message: DirectMessage<Direct>;
  state: State;
  event: ModuleEvent;
  /** The server put this connection into a room that it did not ask for. */
  room: Room;
  /** What a handler threw, and errors of the server that answer nothing. Without a handler: to the console. */
  error: unknown;
}

/** What is published in a room, by its name: of `{ 'chat:*': Text; news: Item }` for `chat:42` it is Text. */
export type DataOf<Rooms, Name extends string> = Name extends keyof Rooms
  ? Rooms[Name]
  : [Rooms[PatternOf<Rooms, Name>]] extends [never]
    ? unknown
    : Rooms[PatternOf<Rooms, Name>];

type PatternOf<Rooms, Name extends string> = {
  [Pattern in keyof Rooms]: Pattern extends `${infer Start}*`
    ? Name extends `${Start}${string}`
      ? Pattern
      : never
    : never;
}[keyof Rooms];

/** Servers say one minute before that a token expires. That is enough time for a few attempts. */
const REFRESH_RETRY_MS = 10_000;

/** A user's connection to the cluster. It uses one socket after another, as many as it needs. */
export class Connection<RoomTypes extends object = object, Direct = unknown> {
  /** Resolves with the first session. Rejects when the server refuses us for good, or `close()` is called before. */
  readonly opened: Promise<Session>;
  /** Who we are to the server. Without a connection it is the session of the last one. */
  session: Session | null = null;
  readonly #link: Link;
  readonly #requests: Requests;
  readonly #rooms: Rooms;
  readonly #events: Emitter<ConnectionEvents<Direct>>;
  readonly #isQueueing: boolean;
  /** With `queue`, messages have names of their own, so that they can be repeated. */
  readonly #messagePrefix = Math.random().toString(36).slice(2);
  #messages = 0;
  #isReporting = false;
  #nextRefresh: ReturnType<typeof setTimeout> | undefined;
  #resolveOpened!: (session: Session) => void;
  #rejectOpened!: (error: LanfareError) => void;

  constructor(options: ConnectOptions) {
    this.#events = new Emitter((error) => this.report(error));
    this.opened = new Promise((resolve, reject) => {
      this.#resolveOpened = resolve;
      this.#rejectOpened = reject;
    });
    this.opened.catch(() => undefined);
    this.#isQueueing = options.queue !== undefined;
    this.#link = new Link(options, {
      opened: (session) => this.#opened(session),
      lost: () => this.#lost(),
      received: (frame) => this.#received(frame),
      changed: (state) => this.#events.emit('state', state),
    });
    this.#requests = new Requests(this.#link, options.queue);
    this.#rooms = new Rooms(
      this.#link,
      this.#requests,
      (data, publishOptions) => this.#message('publish', data, publishOptions),
      (error) => this.report(error),
    );
  }

  get state(): State {
    return this.#link.state;
  }

  /** Returns a function that removes the handler. */
  on<E extends keyof ConnectionEvents<Direct>>(
    event: E,
    handle: Handler<ConnectionEvents<Direct>[E]>,
  ): () => void {
    return this.#events.on(event, handle);
  }

  /**
   * Sends to every device of a user.
   *
   * Rejects with `NotConnected` (nothing was sent), `OutcomeUnknown` (it may have arrived), or LanfareError with the
   * code of the refusal.
   */
  send(user: string | number, data: Direct, options: SendOptions = {}): Promise<Outcome> {
    return this.#message('send', { user_id: user, data }, options);
  }

  /** Joins a room at once, or as soon as there is a connection. The same name gives the same handle. */
  room<Name extends string>(name: Name, options?: RoomOptions): Room<DataOf<RoomTypes, Name>> {
    return this.#rooms.join(name, options) as Room<DataOf<RoomTypes, Name>>;
  }

  /** Asks a gateway of the application, and resolves with what its handler returned. */
  request(event: string, data?: unknown, options: { timeoutMs?: number } = {}): Promise<unknown> {
    this.#rooms.flush();
    return this.#requests.ask(event, data, options);
  }

  /** Closes the connection for good. No timer is left, and what waits is rejected. */
  close(): void {
    this.#link.close();
  }

  #message(event: string, data: object, options: PublishOptions): Promise<Outcome> {
    const { volatile: isVolatile, echo, timeoutMs } = options;
    const isKept = this.#isQueueing && isVolatile !== true;
    const messageId = options.messageId ?? (isKept ? this.#nextMessageId() : undefined);
    // JSON leaves out members that are undefined
    const body = { ...data, message_id: messageId, volatile: isVolatile, echo };
    return this.#requests.ask(event, body, { timeoutMs, isKept, isVolatile }) as Promise<Outcome>;
  }

  #nextMessageId(): string {
    this.#messages += 1;
    return `${this.#messagePrefix}-${this.#messages}`;
  }

  #opened(session: Session): void {
    this.session = session;
    this.#requests.frameBytesMax = session.limits?.payload_bytes ?? Infinity;
    this.#resolveOpened(session);
    this.#rooms.opened();
    this.#requests.flush();
  }

  #lost(): void {
    clearTimeout(this.#nextRefresh);
    const { name, code, reason } = this.state;
    if (name === 'closed') {
      this.#rejectOpened(
        code === REFUSED ? new LanfareError(reason, 'refused by the server') : new NotConnected(reason),
      );
    }
    this.#requests.lost();
    this.#rooms.lost();
  }

  #received(frame: Frame): void {
    if (this.#requests.answered(frame)) return;
    const { event, data } = frame;
    const isOfRoom = (data as { room?: string } | undefined)?.room !== undefined;
    switch (event) {
      case 'message':
        if (isOfRoom) this.#rooms.received(data as RoomMessage);
        else this.#events.emit('message', data as DirectMessage<Direct>);
        break;
      case 'presence':
        if (isOfRoom) this.#rooms.changed(data as PresenceData);
        else this.#events.emit('event', { event, data });
        break;
      case 'joined': {
        const room = this.#rooms.entered((data as { room: string }).room);
        if (room !== undefined) this.#events.emit('room', room);
        break;
      }
      case 'left':
        this.#rooms.left(data as { room: string; reason: string });
        break;
      case 'token_expiring':
        this.#refresh();
        break;
      case 'error':
        this.report(errorOf(data as ErrorData));
        break;
      case 'pong':
        break;
      default:
        this.#events.emit('event', { event, data });
    }
  }

  /** Gets a newer token for the open connection. If none is accepted the connection ends when its token expires. */
  #refresh(): void {
    const { tokens } = this.#link;
    if (!tokens.canRenew) return;
    tokens
      .renew('expiring')
      .then(async (token) => this.#requests.ask('refresh', { token }))
      .catch((error: unknown) => {
        // the next connection begins with the new token anyway
        if (!this.#link.isOpen) return;
        if (error instanceof LanfareError && error.retryable) {
          this.#nextRefresh = setTimeout(() => this.#refresh(), REFRESH_RETRY_MS * (0.5 + Math.random() / 2));
        } else this.report(error);
      });
  }

  /** @internal */
  report(error: unknown): void {
    const isReporting = this.#isReporting;
    this.#isReporting = true;
    // what a handler of `error` throws must not go to that handler again: this would never end
    const isHandled = !isReporting && this.#events.emit('error', error);
    this.#isReporting = isReporting;
    // oxlint-disable-next-line no-console -- otherwise nobody would notice the error
    if (!isHandled) console.error(error);
  }
}

/** Whatever its rooms and users send. */
// oxlint-disable-next-line typescript/no-explicit-any -- with unknown a connection with types of its own would not fit
export type AnyConnection = Connection<any, any>;
