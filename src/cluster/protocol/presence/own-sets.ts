/**
 * The connections of this node that are seen in rooms, and what other nodes have to be told of them.
 *
 * Changes of entries are collected for 100 ms, changes of numbers for a second. A node to which something could not be sent
 * is told that its sets are stale, again and again until that is sent.
 */
import type { NodeId } from '../contract.js';
import type { Entry } from './entry.js';
import type { PresenceLinks, PresenceOptions } from './links.js';
import { written } from './messages.js';
import { OwnSet } from './own-set.js';
import { BATCH_MS, COUNT_MS, GRACE_TAIL_MS } from './pace.js';

/** Rooms that a node is told by name to be stale; beyond: all. */
const STALE_MAX = 4_096;

type Noted = (now: number, room: string, before: Entry | undefined, after: Entry | undefined) => void;

export class OwnSets {
  readonly #sets = new Map<string, OwnSet>();
  /** Lost connections, and when their grace ends. All have the same grace, so the first is the next. */
  readonly #lost = new Map<string, { room: string; connection: string; until: number }>();
  /** Rooms whose changes are to be told. */
  readonly #changed = new Set<string>();
  /** The same, of sets that are told by numbers. */
  readonly #counted = new Set<string>();
  /** Rooms of which a node holds something wrong, and does not know it. Null: all rooms. */
  readonly #stale = new Map<NodeId, Set<string> | null>();
  #serial = 0;
  #batchAt = Infinity;
  #countAt = Infinity;

  constructor(
    private readonly options: PresenceOptions,
    private readonly links: PresenceLinks,
    /** Their memory has grown by so many bytes. */
    private readonly grown: (bytes: number) => void,
    /** Called for each entry that came, changed or went. */
    private readonly noted: Noted,
  ) {}

  /** When `handleTimeout` wants to be called; Infinity: never. */
  get due(): number {
    const [lost] = this.#lost.values();
    return Math.min(this.#batchAt, this.#countAt, lost?.until ?? Infinity);
  }

  handleTimeout(now: number): void {
    for (const [key, { room, connection, until }] of this.#lost) {
      if (until > now) break;
      this.#lost.delete(key);
      this.#remove(now, room, connection);
    }
    if (this.#batchAt <= now) this.#tellChanges(now);
    if (this.#countAt <= now) this.#tellCounts();
  }

  /** See `PresenceBook`. */
  enter(now: number, room: string, entry: Omit<Entry, 'isLost'>): void {
    this.#put(now, room, { ...entry, isLost: false });
  }

  exit(now: number, room: string, connection: string): void {
    this.#lost.delete(keyOf(room, connection));
    this.#remove(now, room, connection);
  }

  lose(now: number, room: string, connection: string): void {
    const entry = this.#sets.get(room)?.get(connection);
    if (entry === undefined || entry.isLost) return;
    this.#put(now, room, { ...entry, isLost: true });
    const until = now + this.options.graceMs + GRACE_TAIL_MS;
    this.#lost.set(keyOf(room, connection), { room, connection, until });
  }

  entriesOf(room: string): Iterable<Entry> {
    return this.#sets.get(room)?.entries() ?? [];
  }

  /** The room's set is told by two numbers. */
  isCounted(room: string): boolean {
    return this.#sets.get(room)?.isCounted === true;
  }

  /** The node asks for the whole sets of these rooms. */
  answer(now: number, node: NodeId, rooms: readonly string[]): void {
    for (const room of rooms) {
      const set = this.#sets.get(room) ?? this.#emptySet(room);
      for (const part of set.whole()) {
        if (this.links.tell(node, written(part))) continue;
        this.#oweStale(node, room);
        this.#batchBy(now + BATCH_MS);
        break;
      }
    }
  }

  /** Something that was to be sent to the node was dropped, and nobody knows what. */
  dropped(now: number, node: NodeId): void {
    this.#stale.set(node, null);
    this.#batchBy(now + BATCH_MS);
  }

  peerGone(node: NodeId): void {
    this.#stale.delete(node);
  }

  #put(now: number, room: string, entry: Entry): void {
    let set = this.#sets.get(room);
    if (set === undefined) {
      set = this.#emptySet(room);
      this.#sets.set(room, set);
    }
    const before = set.get(entry.connection);
    set.put(entry);
    this.#note(now, set, before, entry);
  }

  #emptySet(room: string): OwnSet {
    return new OwnSet(room, this.options.usersMax, this.options.infoBytesMax, this.grown);
  }

  #remove(now: number, room: string, connection: string): void {
    const set = this.#sets.get(room);
    const before = set?.get(connection);
    if (set === undefined || before === undefined) return;
    set.remove(connection);
    this.#note(now, set, before, undefined);
  }

  #note(now: number, set: OwnSet, before: Entry | undefined, after: Entry | undefined): void {
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
    this.noted(now, room, before, after);
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
      const set = this.#sets.get(room);
      if (set === undefined) continue;
      for (const change of set.takeChanges(() => (this.#serial += 1))) {
        for (const node of this.links.tellWatchers(room, written(change))) this.#oweStale(node, room);
      }
      if (set.isOver) this.#sets.delete(room);
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

  #batchBy(at: number): void {
    this.#batchAt = Math.min(this.#batchAt, at);
  }
}

function keyOf(room: string, connection: string): string {
  return `${connection} ${room}`;
}
