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
import type { PresenceLinks, PresenceOptions } from './links.js';
import { read, written, type Change, type Whole } from './messages.js';
import { OwnSets } from './own-sets.js';
import { BATCH_MS, GRACE_TAIL_MS } from './pace.js';
import type { Member } from './room-view.js';
import { Watch } from './watch.js';

/** The rooms that one question asks for. */
const ROOMS_ASKED_MAX = 1_000;

export class PresenceBook {
  /** Messages of other nodes that could not be read. */
  malformed = 0;
  readonly #own: OwnSets;
  readonly #watches = new Map<string, Watch>();
  /** Watched rooms of which something is to be shown, asked or forgotten, and when the next is looked at. */
  readonly #unsettled = new Set<string>();
  #lookAt = Infinity;
  /** Rooms of which a node could not be asked, and when it is tried again. To look at each room so often costs too much. */
  readonly #refused = new Map<NodeId, Set<string>>();
  #retryAt = Infinity;
  #bytes = 0;

  constructor(
    private readonly options: PresenceOptions,
    private readonly links: PresenceLinks,
  ) {
    this.#own = new OwnSets(options, links, this.#grown, (now, room, before, after) => {
      const watch = this.#watches.get(room);
      if (watch === undefined) return;
      watch.noteOwn(before, after);
      this.#lookBy(room, watch.showSoon(now));
    });
  }

  /** When `handleTimeout` wants to be called; Infinity: never. */
  pollTimeout(): number {
    return Math.min(this.#own.due, this.#lookAt, this.#retryAt);
  }

  handleTimeout(now: number): void {
    this.#own.handleTimeout(now);
    if (this.#lookAt <= now) this.#look(now);
    if (this.#retryAt <= now) this.#retry(now);
  }

  /** A connection here is seen in the room, or shows another `info`. */
  enter(now: number, room: string, entry: Omit<Entry, 'isLost'>): void {
    this.#own.enter(now, room, entry);
  }

  /** It is seen no more, at once. */
  exit(now: number, room: string, connection: string): void {
    this.#own.exit(now, room, connection);
  }

  /** Its connection has ended without a word: it is seen for the grace. */
  lose(now: number, room: string, connection: string): void {
    this.#own.lose(now, room, connection);
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
      for (const entry of this.#own.entriesOf(room)) watch.noteOwn(undefined, entry);
    }
    this.#lookBy(room, watch.wait(now, done));
  }

  /** The announcement that the room is watched here has had its time. `complete`: all nodes know it. */
  reached(now: number, room: string, complete: boolean): void {
    const watch = this.#watches.get(room);
    if (watch === undefined) return;
    watch.reach(complete);
    const peers = this.links.peers();
    for (const peer of peers) this.#lookBy(room, watch.owe(now, peer));
    for (const peer of peers) this.#ask(now, peer, [room]);
    watch.settle();
  }

  /** Nobody here looks at the room any more. */
  unwatch(room: string): void {
    const watch = this.#watches.get(room);
    if (watch === undefined) return;
    this.#bytes -= watch.bytes;
    this.#watches.delete(room);
    this.#unsettled.delete(room);
    watch.end();
  }

  /** Memory of all entries. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Something of the watched room is to be shown soon. */
  hasNews(room: string): boolean {
    return this.#watches.get(room)?.hasNews === true;
  }

  /** The members as they were shown last; null: they are too many, see `count`. */
  members(room: string): Member[] | null {
    const watch = this.#watches.get(room);
    return watch === undefined ? [] : watch.members;
  }

  /** How many are in a watched room. A user counts once on each node that tells numbers. */
  count(room: string): Count {
    return this.#watches.get(room)?.count ?? { users: 0, devices: 0 };
  }

  /**
   * A node has come, or has a new session: what it told may have holes. What this node told may have them still: the session
   * in the other direction can be an old one, so it is not forgotten what was dropped there.
   */
  peerJoined(now: number, node: NodeId): void {
    this.#refetch(now, node, [...this.#watches.keys()]);
  }

  /** A node has left, or is lost. What it told stays for the grace. */
  peerGone(now: number, node: NodeId): void {
    this.#own.peerGone(node);
    this.#refused.delete(node);
    const forgetAt = now + this.options.graceMs + GRACE_TAIL_MS;
    for (const [room, watch] of this.#watches) this.#lookBy(room, watch.leave(node, forgetAt));
  }

  /** Something that was to be sent to the node was dropped, and nobody knows what. */
  dropped(now: number, node: NodeId): void {
    this.#own.dropped(now, node);
  }

  receive(now: number, node: NodeId, value: unknown): void {
    const message = read(value);
    if (message === null) {
      this.malformed += 1;
      return;
    }
    switch (message.kind) {
      case 'ask':
        this.#own.answer(now, node, message.rooms);
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

  readonly #grown = (bytes: number): void => {
    this.#bytes += bytes;
  };

  #applyChange(now: number, node: NodeId, change: Change): void {
    const watch = this.#watches.get(change.room);
    if (watch === undefined) return;
    const applied = watch.applyChange(node, change);
    if (applied === 'applied') this.#lookBy(change.room, watch.showSoon(now));
    else if (applied === 'hole') this.#refetch(now, node, [change.room]);
  }

  #applyWhole(now: number, node: NodeId, part: Whole): void {
    const watch = this.#watches.get(part.room);
    if (watch?.applyWhole(node, part) !== true) return;
    this.#lookBy(part.room, watch.showSoon(now));
    watch.settle();
  }

  /** Asks for these rooms' sets again, as far as they are watched here and were asked for before. */
  #refetch(now: number, node: NodeId, rooms: readonly string[]): void {
    const asked: string[] = [];
    for (const room of rooms) {
      const watch = this.#watches.get(room);
      if (watch?.hasAsked !== true) continue;
      this.#lookBy(room, watch.owe(now, node));
      asked.push(room);
    }
    this.#ask(now, node, asked);
  }

  /** What cannot be sent, because there is no session yet or the queue is full, is asked again soon. */
  #ask(now: number, node: NodeId, rooms: readonly string[]): void {
    let at = 0;
    const ask = (): boolean =>
      this.links.tell(node, written({ kind: 'ask', rooms: rooms.slice(at, at + ROOMS_ASKED_MAX) }));
    while (at < rooms.length && ask()) at += ROOMS_ASKED_MAX;
    if (at >= rooms.length) return;
    const refused = this.#refused.get(node) ?? new Set();
    this.#refused.set(node, refused);
    for (const room of rooms.slice(at)) refused.add(room);
    this.#retryAt = Math.min(this.#retryAt, now + BATCH_MS);
  }

  /** Asks for what was refused, as far as it is still owed. */
  #retry(now: number): void {
    this.#retryAt = Infinity;
    const refused = new Map(this.#refused);
    this.#refused.clear();
    for (const [node, rooms] of refused) {
      const owed = [...rooms].filter((room) => this.#watches.get(room)?.isOwedBy(node) === true);
      this.#ask(now, node, owed);
    }
  }

  #look(now: number): void {
    this.#lookAt = Infinity;
    const asks = new Map<NodeId, string[]>();
    for (const room of this.#unsettled) {
      const watch = this.#watches.get(room) as Watch;
      for (const node of watch.review(now)) {
        const rooms = asks.get(node);
        if (rooms === undefined) asks.set(node, [room]);
        else rooms.push(room);
      }
      if (watch.isShowDue(now)) this.links.show(room, watch.takeNews(now, this.#own.isCounted(room)));
      const { due } = watch;
      if (due === Infinity) this.#unsettled.delete(room);
      else this.#lookAt = Math.min(this.#lookAt, due);
    }
    for (const [node, rooms] of asks) this.#ask(now, node, rooms);
  }

  /** Something of the room is due then; Infinity: nothing is. */
  #lookBy(room: string, at: number): void {
    if (at === Infinity) return;
    this.#unsettled.add(room);
    this.#lookAt = Math.min(this.#lookAt, at);
  }
}
