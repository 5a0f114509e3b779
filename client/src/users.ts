import type { AnyConnection, ModuleEvent } from './connection.js';
import { Emitter } from './emitter.js';
import type { LanfareError } from './errors.js';

/** Who of some users is online. */
export interface UsersOnline {
  readonly online: readonly string[];
  /** False: others may be online too. There is no connection, or the server does not know better. */
  readonly complete: boolean;
  /** Why the server does not tell: `forbidden`, `limit_exceeded`, … */
  readonly error: LanfareError | null;
}

/** The wait after a refusal that is temporary. */
const RETRY_MS = 1000;

/**
 * Tells who of these users is online: once it is known, and as it changes. The server is asked for each user once, however
 * many calls want to know, and again on each new connection.
 *
 * @returns a function that ends it
 */
export function watchUsers(
  connection: AnyConnection,
  users: readonly (string | number)[],
  handle: (users: UsersOnline) => void,
): () => void {
  const watches = all.get(connection) ?? new Watches(connection);
  all.set(connection, watches);
  return watches.add(users.map(String), handle);
}

const all = new WeakMap<AnyConnection, Watches>();

/** What is known of a user. */
interface Knowledge {
  /** How many want to know. */
  wanted: number;
  /** The server was asked on this connection. */
  isAsked: boolean;
  isOnline: boolean;
  /** The server tells whether the user is online, and knows. */
  isCertain: boolean;
  error: LanfareError | null;
}

/** All that is watched on one connection. */
class Watches {
  readonly #users = new Map<string, Knowledge>();
  /** An event without a value: look at what is known. */
  readonly #changes: Emitter<{ change: undefined }>;
  /** Which connection it is: answers of earlier ones say nothing. */
  #era = 0;
  #isDue = false;
  #retry: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly connection: AnyConnection) {
    this.#changes = new Emitter((error) => connection.report(error));
    connection.on('event', (event) => this.#received(event));
    connection.on('state', ({ name }) => {
      if (name === 'open') this.#ask();
      else this.#lost();
    });
  }

  add(users: readonly string[], handle: (users: UsersOnline) => void): () => void {
    for (const user of users) {
      const known = this.#users.get(user);
      if (known !== undefined) known.wanted += 1;
      else
        this.#users.set(user, { wanted: 1, isAsked: false, isOnline: false, isCertain: false, error: null });
    }
    const stop = this.#changes.on('change', () => {
      const known = users.map((user) => this.#users.get(user) as Knowledge);
      handle({
        online: users.filter((_, index) => known[index]?.isOnline),
        complete: known.every(({ isCertain }) => isCertain),
        error: known.find(({ error }) => error !== null)?.error ?? null,
      });
    });
    this.#ask();
    let isEnded = false;
    return () => {
      if (isEnded) return;
      isEnded = true;
      stop();
      for (const user of users) (this.#users.get(user) as Knowledge).wanted -= 1;
      this.#ask();
    };
  }

  /** Asks for what was not asked for, and ends what nobody wants any more: once a turn. */
  #ask(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    queueMicrotask(() => {
      this.#isDue = false;
      const isOpen = this.connection.state.name === 'open';
      const [more, less]: string[][] = [[], []];
      for (const [user, { wanted, isAsked }] of this.#users) {
        if (wanted === 0) this.#users.delete(user);
        if (wanted === 0 && isAsked) less?.push(user);
        if (wanted > 0 && !isAsked) more?.push(user);
      }
      if (!isOpen) return;
      // first what makes room
      if (less?.length) this.connection.request('unwatch', { user_ids: less }).catch(() => undefined);
      if (more?.length) this.#watch(more);
      // known already, because others want to know too
      else this.#changes.emit('change', undefined);
    });
  }

  #watch(users: readonly string[]): void {
    const era = this.#era;
    const learn = (change: (user: string) => Partial<Knowledge>): void => {
      if (era !== this.#era) return;
      for (const user of users) Object.assign(this.#users.get(user) ?? {}, change(user));
      this.#changes.emit('change', undefined);
    };
    for (const user of users) (this.#users.get(user) as Knowledge).isAsked = true;
    this.connection.request('watch', { user_ids: users }).then(
      (answer) => {
        const { online, complete } = answer as { online: string[]; complete: boolean };
        const now = new Set(online);
        learn((user) => ({ isOnline: now.has(user), isCertain: complete, error: null }));
      },
      (error: LanfareError) => {
        learn(() => ({ isAsked: false, isCertain: false, error }));
        if (era === this.#era && (error.retryable || error.code === 'outcome_unknown')) this.#askLater();
      },
    );
  }

  #askLater(): void {
    const ask = (): void => {
      this.#retry = undefined;
      this.#ask();
    };
    this.#retry ??= setTimeout(ask, RETRY_MS * (1 + 4 * Math.random()));
  }

  #received({ event, data }: ModuleEvent): void {
    if (event !== 'presence') return;
    const { online = [], offline = [] } = data as { online?: string[]; offline?: string[] };
    const learn = (users: readonly string[], isOnline: boolean): void => {
      for (const user of users) Object.assign(this.#users.get(user) ?? {}, { isOnline });
    };
    learn(online, true);
    learn(offline, false);
    this.#changes.emit('change', undefined);
  }

  /** Who was online is shown until it is known better. */
  #lost(): void {
    const wasAsked = [...this.#users.values()].some(({ isAsked }) => isAsked);
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#era += 1;
    for (const known of this.#users.values()) Object.assign(known, { isAsked: false, isCertain: false });
    if (wasAsked) this.#changes.emit('change', undefined);
  }
}
