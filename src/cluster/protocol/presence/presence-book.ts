/**
 * Presence of rooms between nodes, sans-IO: who is seen in which room.
 *
 * Theory of operation. Each node is the only source for its own connections. It tells changes of its set of a room, numbered
 * and collected for 100 ms, to the nodes that watch the room. A node that watches shows the union of all sources' sets.
 * - A node that begins to watch a room holds the address "watch, room". When every node is known to route to it, the node
 *   asks all for their whole sets. Asking earlier would lose a change that is made in between.
 * - Answers and changes of one source come in one stream, in order. A whole set is newer than all that came before it, and
 *   older than all after. Changes carry the serial of those before them. Who misses some asks for the whole set, and ignores
 *   that source's changes until the answer has come. Any whole set will do.
 * - A source that could not send a change says that its sets are stale, again and again until that is sent: the change may have
 *   been the last one, and then no later change shows the hole.
 * - After a session has ended, in either direction, whole sets are asked for again.
 * - A connection that ends without a word stays in its node's set for the grace and half a second, as lost; whole sets have it
 *   too. The half second is for a return at the last instant to be known before the old entry goes.
 * - What a node that died has told stays for the same time. If the same boot comes back, its whole set replaces it.
 * - While a living source owes its set, nobody is shown as gone, for at most 2 s.
 * No clock of another node is compared with ours, but for `at`, which only decides whose `info` is shown.
 */
import type { NodeId } from '../contract.js';
import { type Count, type Entry, SizeLimit } from './entry.js';
import { read, written, type Change, type Whole } from './messages.js';
import { OwnSet } from './own-set.js';
import { RemoteSet } from './remote-set.js';
import { RoomView, type Member, type ViewChange } from './room-view.js';

/** Changes are collected for so long before they are told, to nodes and to those who look. */
const BATCH_MS = 100;
/** A set that is told by numbers is told so rarely. */
const COUNT_MS = 1_000;
/** What the grace has more than it was set to: a batch, the way, and a repair. */
const GRACE_TAIL_MS = 500;
/** Who has not answered is asked again after this time, then after twice as long, and so on. */
const ASK_AGAIN_MS = 1_000;
const ASK_AGAIN_MAX_MS = 10_000;
const ROOMS_ASKED_MAX = 1_000;
/** How long a source that owes its set keeps others from being shown as gone. */
const OWED_HOLD_MS = 2_000;
/** How long whoever begins to watch waits for the sets. */
const FIRST_LOOK_MS = 1_000;
/** Rooms that a node is told by name to be stale; beyond: all. */
const STALE_MAX = 4_096;

export interface PresenceOptions {
  readonly graceMs: number;
  /** Rooms with more users than this, or with more bytes of `info`, are told by numbers. */
  readonly usersMax: number;
  readonly infoBytesMax: number;
}

/** What the book needs of the node around it. Messages are JSON values. */
export interface PresenceLinks {
  /** Sends to every other node that watches the room, or may watch it. Returns those to whom it could not be sent. */
  tellWatchers(room: string, message: unknown): readonly NodeId[];
  /** False: it could not be sent. */
  tell(node: NodeId, message: unknown): boolean;
  /** The other nodes. */
  peers(): readonly NodeId[];
  /** Whoever looks at the room is shown this. Null: the room is too large now, and is shown by `count`. */
  show(room: string, change: ViewChange | null): void;
}

interface Source {
  readonly set: RemoteSet;
  /** Since when its whole set is waited for; Infinity: it is known. */
  owedSince: number;
  askAt: number;
  askAgainMs: number;
  /** When what a dead node told is forgotten; Infinity: it lives. */
  forgetAt: number;
}

/** A room that is watched here. */
class Watch {
  readonly view: RoomView;
  readonly sources = new Map<NodeId, Source>();
  /** Called when all sources have answered, or when the time for that is over. */
  waiting: ((complete: boolean) => void)[] = [];
  waitsUntil = Infinity;
  hasAsked = false;
  isReachable = false;
  showAt = Infinity;

  constructor(
    readonly limit: SizeLimit,
    grown: (bytes: number) => void,
  ) {
    this.view = new RoomView(grown);
  }
}

export class PresenceBook {
  /** Messages of other nodes that could not be read. */
  malformed = 0;
  readonly #own = new Map<string, OwnSet>();
  readonly #watches = new Map<string, Watch>();
  /** Lost connections, and when their grace ends. All have the same grace, so the first is the next. */
  readonly #lost = new Map<string, { room: string; connection: string; until: number }>();
  /** Rooms whose changes are to be told. */
  readonly #changed = new Set<string>();
  /** The same, of sets that are told by numbers. */
  readonly #counted = new Set<string>();
  /** Rooms of which a node holds something wrong, and does not know it. Null: all rooms. */
  readonly #stale = new Map<NodeId, Set<string> | null>();
  #serial = 0;
  #bytes = 0;
  #batchAt = Infinity;
  #countAt = Infinity;
  /** Watched rooms of which something is to be shown, asked or forgotten, and when the next is looked at. */
  readonly #unsettled = new Set<string>();
  #lookAt = Infinity;

  constructor(
    private readonly options: PresenceOptions,
    private readonly links: PresenceLinks,
  ) {}

  /** When `handleTimeout` wants to be called; Infinity: never. */
  pollTimeout(): number {
    const [lost] = this.#lost.values();
    return Math.min(this.#batchAt, this.#countAt, this.#lookAt, lost?.until ?? Infinity);
  }

  handleTimeout(now: number): void {
    for (const [key, { room, connection, until }] of this.#lost) {
      if (until > now) break;
      this.#lost.delete(key);
      this.#remove(now, room, connection);
    }
    if (this.#batchAt <= now) this.#tellChanges(now);
    if (this.#countAt <= now) this.#tellCounts();
    if (this.#lookAt <= now) this.#look(now);
  }

  /** A connection here is seen in the room, or shows another `info`. */
  enter(now: number, room: string, entry: Omit<Entry, 'isLost'>): void {
    this.#put(now, room, { ...entry, isLost: false });
  }

  /** It is seen no more, at once. */
  exit(now: number, room: string, connection: string): void {
    this.#lost.delete(keyOf(room, connection));
    this.#remove(now, room, connection);
  }

  /** Its connection has ended without a word: it is seen for the grace. */
  lose(now: number, room: string, connection: string): void {
    const entry = this.#own.get(room)?.get(connection);
    if (entry === undefined || entry.isLost) return;
    this.#put(now, room, { ...entry, isLost: true });
    const until = now + this.options.graceMs + GRACE_TAIL_MS;
    this.#lost.set(keyOf(room, connection), { room, connection, until });
  }

  /**
   * Somebody here begins to look at the room. `done` is called once, at once or later: the room's members are as complete as
   * they can be known. The room's address is announced by then or not: see `reached`.
   */
  watch(now: number, room: string, done: (complete: boolean) => void): void {
    let watch = this.#watches.get(room);
    if (watch === undefined) {
      watch = new Watch(new SizeLimit(this.options.usersMax, this.options.infoBytesMax), this.#grown);
      this.#watches.set(room, watch);
      for (const entry of this.#own.get(room)?.entries() ?? []) watch.view.note(undefined, entry);
    }
    if (watch.hasAsked && this.#owed(watch) === 0) {
      done(watch.isReachable);
      return;
    }
    watch.waiting.push(done);
    if (watch.waitsUntil === Infinity) watch.waitsUntil = now + FIRST_LOOK_MS;
    this.#lookBy(room, watch.waitsUntil);
  }

  /** The announcement that the room is watched here has had its time. `complete`: all nodes know it. */
  reached(now: number, room: string, complete: boolean): void {
    const watch = this.#watches.get(room);
    if (watch === undefined) return;
    watch.isReachable = complete;
    watch.hasAsked = true;
    const peers = this.links.peers();
    for (const peer of peers) this.#owe(now, room, watch, peer);
    for (const peer of peers) this.#ask(peer, [room]);
    this.#settle(watch);
  }

  /** Nobody here looks at the room any more. */
  unwatch(room: string): void {
    const watch = this.#watches.get(room);
    this.#bytes -= watch?.view.bytes ?? 0;
    this.#watches.delete(room);
    this.#unsettled.delete(room);
    for (const done of watch?.waiting ?? []) done(false);
  }

  /** Memory of all entries. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Something of the watched room is to be shown soon. */
  hasNews(room: string): boolean {
    return this.#watches.get(room)?.showAt !== Infinity;
  }

  /** The members as they were shown last; null: they are too many, see `count`. */
  members(room: string): Member[] | null {
    const watch = this.#watches.get(room);
    if (watch === undefined) return [];
    return watch.limit.isExceeded ? null : watch.view.members();
  }

  /** How many are in a watched room. A user counts once on each node that tells numbers. */
  count(room: string): Count {
    const watch = this.#watches.get(room);
    if (watch === undefined) return { users: 0, devices: 0 };
    let { users, devices } = watch.view.count;
    for (const { set } of watch.sources.values()) {
      users += set.count?.users ?? 0;
      devices += set.count?.devices ?? 0;
    }
    return { users, devices };
  }

  /**
   * A node has come, or has a new session: what it told may have holes. What this node told may have them still: the session
   * in the other direction can be an old one, so it is not forgotten what was dropped there.
   */
  peerJoined(now: number, node: NodeId): void {
    const rooms: string[] = [];
    for (const [room, watch] of this.#watches) {
      if (!watch.hasAsked) continue;
      this.#owe(now, room, watch, node);
      rooms.push(room);
    }
    this.#ask(node, rooms);
  }

  /** A node has left, or is lost. What it told stays for the grace. */
  peerGone(now: number, node: NodeId): void {
    this.#stale.delete(node);
    const forgetAt = now + this.options.graceMs + GRACE_TAIL_MS;
    for (const [room, watch] of this.#watches) {
      const source = watch.sources.get(node);
      if (source === undefined) continue;
      source.owedSince = Infinity;
      source.askAt = Infinity;
      source.forgetAt = Math.min(source.forgetAt, forgetAt);
      this.#lookBy(room, source.forgetAt);
      this.#settle(watch);
    }
  }

  /** Something that was to be sent to the node was dropped, and nobody knows what. */
  dropped(now: number, node: NodeId): void {
    this.#stale.set(node, null);
    this.#batchBy(now + BATCH_MS);
  }

  receive(now: number, node: NodeId, value: unknown): void {
    const message = read(value);
    if (message === null) {
      this.malformed += 1;
      return;
    }
    switch (message.kind) {
      case 'ask':
        this.#answer(now, node, message.rooms);
        break;
      case 'stale':
        this.#refetch(now, node, message.rooms ?? [...this.#watches.keys()]);
        break;
      case 'change':
        this.#applyChange(now, node, message);
        break;
      case 'whole':
        this.#applyWhole(now, node, message);
        break;
    }
  }

  #put(now: number, room: string, entry: Entry): void {
    let set = this.#own.get(room);
    if (set === undefined) {
      set = this.#emptySet(room);
      this.#own.set(room, set);
    }
    const before = set.get(entry.connection);
    set.put(entry);
    this.#noteOwn(now, set, before, entry);
  }

  #emptySet(room: string): OwnSet {
    return new OwnSet(room, this.options.usersMax, this.options.infoBytesMax, this.#grown);
  }

  readonly #grown = (bytes: number): void => {
    this.#bytes += bytes;
  };

  #remove(now: number, room: string, connection: string): void {
    const set = this.#own.get(room);
    const before = set?.get(connection);
    if (set === undefined || before === undefined) return;
    set.remove(connection);
    this.#noteOwn(now, set, before, undefined);
  }

  #noteOwn(now: number, set: OwnSet, before: Entry | undefined, after: Entry | undefined): void {
    const { room } = set;
    if (set.isCounted) {
      this.#changed.delete(room);
      this.#counted.add(room);
      this.#countAt = Math.min(this.#countAt, now + COUNT_MS);
    } else {
      this.#counted.delete(room);
      this.#changed.add(room);
      this.#batchBy(now + BATCH_MS);
    }
    const watch = this.#watches.get(room);
    if (watch === undefined) return;
    watch.view.note(before, after);
    this.#showBy(now, room, watch);
  }

  #tellChanges(now: number): void {
    this.#batchAt = Infinity;
    this.#tell(this.#changed);
    for (const [node, rooms] of this.#stale) {
      if (this.links.tell(node, written({ kind: 'stale', rooms: rooms === null ? null : [...rooms] }))) {
        this.#stale.delete(node);
      } else {
        this.#batchBy(now + BATCH_MS);
      }
    }
  }

  #tellCounts(): void {
    this.#countAt = Infinity;
    this.#tell(this.#counted);
  }

  #tell(rooms: Set<string>): void {
    for (const room of rooms) {
      rooms.delete(room);
      const set = this.#own.get(room);
      if (set === undefined) continue;
      for (const change of set.takeChanges(() => (this.#serial += 1))) {
        for (const node of this.links.tellWatchers(room, written(change))) this.#oweStale(node, room);
      }
      if (set.isOver) this.#own.delete(room);
    }
  }

  /** The node did not get something about the room. It is told with the next batch. */
  #oweStale(node: NodeId, room: string): void {
    const rooms = this.#stale.get(node);
    if (rooms === null) return;
    if (rooms === undefined) this.#stale.set(node, new Set([room]));
    else if (rooms.size < STALE_MAX) rooms.add(room);
    else this.#stale.set(node, null);
  }

  #answer(now: number, node: NodeId, rooms: readonly string[]): void {
    for (const room of rooms) {
      const set = this.#own.get(room) ?? this.#emptySet(room);
      for (const part of set.whole()) {
        if (this.links.tell(node, written(part))) continue;
        this.#oweStale(node, room);
        this.#batchBy(now + BATCH_MS);
        break;
      }
    }
  }

  #applyChange(now: number, node: NodeId, change: Change): void {
    const watch = this.#watches.get(change.room);
    const source = watch?.sources.get(node);
    // before this node has asked, the answer is still to come
    if (watch === undefined || source === undefined || source.owedSince !== Infinity) return;
    if (source.set.apply(change, watch.view.note)) this.#showBy(now, change.room, watch);
    else this.#refetch(now, node, [change.room]);
  }

  #applyWhole(now: number, node: NodeId, part: Whole): void {
    const watch = this.#watches.get(part.room);
    const source = watch?.sources.get(node);
    if (watch === undefined || source === undefined) return;
    if (!source.set.applyWhole(part, watch.view.note)) return;
    source.owedSince = Infinity;
    source.askAt = Infinity;
    source.forgetAt = Infinity;
    this.#showBy(now, part.room, watch);
    this.#settle(watch);
  }

  /** Asks for these rooms' sets again, as far as they are watched here. */
  #refetch(now: number, node: NodeId, rooms: readonly string[]): void {
    const watched = rooms.filter((room) => this.#watches.get(room)?.hasAsked === true);
    for (const room of watched) this.#owe(now, room, this.#watches.get(room) as Watch, node);
    this.#ask(node, watched);
  }

  #owe(now: number, room: string, watch: Watch, node: NodeId): void {
    let source = watch.sources.get(node);
    if (source === undefined) {
      source = {
        set: new RemoteSet(),
        owedSince: Infinity,
        askAt: Infinity,
        askAgainMs: ASK_AGAIN_MS,
        forgetAt: Infinity,
      };
      watch.sources.set(node, source);
    }
    if (source.owedSince === Infinity) {
      source.owedSince = now;
      source.askAgainMs = ASK_AGAIN_MS;
    }
    source.askAt = now + source.askAgainMs;
    this.#lookBy(room, source.askAt);
  }

  /** If a question cannot be sent, it is asked again like one without an answer. */
  #ask(node: NodeId, rooms: readonly string[]): void {
    for (let at = 0; at < rooms.length; at += ROOMS_ASKED_MAX) {
      this.links.tell(node, written({ kind: 'ask', rooms: rooms.slice(at, at + ROOMS_ASKED_MAX) }));
    }
  }

  /** Sources of the room that owe their set. */
  #owed(watch: Watch): number {
    let count = 0;
    for (const { owedSince } of watch.sources.values()) if (owedSince !== Infinity) count += 1;
    return count;
  }

  /** Those who wait for the sets go on when all have come. */
  #settle(watch: Watch): void {
    if (watch.waiting.length === 0 || !watch.hasAsked || this.#owed(watch) > 0) return;
    this.#release(watch, watch.isReachable);
  }

  #release(watch: Watch, complete: boolean): void {
    const { waiting } = watch;
    watch.waiting = [];
    watch.waitsUntil = Infinity;
    for (const done of waiting) done(complete);
  }

  #look(now: number): void {
    this.#lookAt = Infinity;
    const asks = new Map<NodeId, string[]>();
    for (const room of this.#unsettled) {
      const watch = this.#watches.get(room) as Watch;
      let next = Infinity;
      for (const [node, source] of watch.sources) {
        if (source.forgetAt <= now) {
          source.set.clear(watch.view.note);
          source.forgetAt = Infinity;
          watch.showAt = now;
          if (source.owedSince === Infinity) watch.sources.delete(node);
        }
        if (source.askAt <= now) {
          source.askAgainMs = Math.min(source.askAgainMs * 2, ASK_AGAIN_MAX_MS);
          source.askAt = now + source.askAgainMs;
          const rooms = asks.get(node);
          if (rooms === undefined) asks.set(node, [room]);
          else rooms.push(room);
        }
        next = Math.min(next, source.forgetAt, source.askAt);
      }
      if (watch.waitsUntil <= now) this.#release(watch, false);
      if (watch.showAt <= now) this.#show(now, room, watch);
      next = Math.min(next, watch.waitsUntil, watch.showAt);
      if (next === Infinity) this.#unsettled.delete(room);
      else this.#lookAt = Math.min(this.#lookAt, next);
    }
    for (const [node, rooms] of asks) this.#ask(node, rooms);
  }

  #show(now: number, room: string, watch: Watch): void {
    const { limit, sources, view } = watch;
    watch.showAt = Infinity;
    let heldUntil = -Infinity;
    let isCounted = this.#own.get(room)?.isCounted === true;
    for (const { owedSince, set } of sources.values()) {
      if (owedSince !== Infinity) heldUntil = Math.max(heldUntil, owedSince + OWED_HOLD_MS);
      if (set.count !== null) isCounted = true;
    }
    const change = view.takeChange(now < heldUntil);
    if (view.isDirty) watch.showAt = Math.min(now + BATCH_MS, heldUntil);
    limit.judge(isCounted ? Infinity : view.count.users, view.infoBytes);
    this.links.show(room, limit.isExceeded ? null : change);
  }

  #showBy(now: number, room: string, watch: Watch): void {
    watch.showAt = Math.min(watch.showAt, now + BATCH_MS);
    this.#lookBy(room, watch.showAt);
  }

  #batchBy(at: number): void {
    this.#batchAt = Math.min(this.#batchAt, at);
  }

  #lookBy(room: string, at: number): void {
    this.#unsettled.add(room);
    this.#lookAt = Math.min(this.#lookAt, at);
  }
}

function keyOf(room: string, connection: string): string {
  return `${connection} ${room}`;
}
