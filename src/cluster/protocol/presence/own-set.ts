/**
 * Who of this node's connections is seen in one room, and what the watching nodes have not been told of it yet.
 *
 * A set that exceeds its limit is told by two numbers.
 */
import { type Count, type Entry, SizeLimit, sizeOf } from './entry.js';
import type { Change, Whole } from './messages.js';

/** The entries of one message have so many bytes, roughly. */
const PART_BYTES = 48_000;

export class OwnSet {
  readonly #entries = new Map<string, Entry>();
  readonly #devicesByUser = new Map<string, number>();
  readonly #changed = new Set<string>();
  readonly #limit: SizeLimit;
  #infoBytes = 0;
  #lost = 0;
  /** Of the last changes that were told; 0: none. */
  #serial = 0;
  /** Watching nodes hold entries where they should hold numbers, or numbers where they should hold entries. */
  #isModeChanged = false;

  constructor(
    readonly room: string,
    usersMax: number,
    infoBytesMax: number,
    /** Its memory has grown by so many bytes. */
    private readonly grown: (bytes: number) => void,
  ) {
    this.#limit = new SizeLimit(usersMax, infoBytesMax);
  }

  /** There is nobody, and everybody was told so. */
  get isOver(): boolean {
    return this.#entries.size === 0 && this.#changed.size === 0;
  }

  /** Told by two numbers. */
  get isCounted(): boolean {
    return this.#limit.isExceeded;
  }

  get count(): Count {
    return { users: this.#devicesByUser.size, devices: this.#entries.size - this.#lost };
  }

  get(connection: string): Entry | undefined {
    return this.#entries.get(connection);
  }

  entries(): IterableIterator<Entry> {
    return this.#entries.values();
  }

  put(entry: Entry): void {
    const before = this.#entries.get(entry.connection);
    if (before === undefined) {
      this.#devicesByUser.set(entry.user, (this.#devicesByUser.get(entry.user) ?? 0) + 1);
    } else {
      this.#weigh(before, -1);
    }
    this.#weigh(entry, 1);
    this.#entries.set(entry.connection, entry);
    this.#changed.add(entry.connection);
    this.#judgeSize();
  }

  /** Returns false when it was not there. */
  remove(connection: string): boolean {
    const entry = this.#entries.get(connection);
    if (entry === undefined) return false;
    this.#entries.delete(connection);
    this.#weigh(entry, -1);
    const left = (this.#devicesByUser.get(entry.user) as number) - 1;
    if (left === 0) this.#devicesByUser.delete(entry.user);
    else this.#devicesByUser.set(entry.user, left);
    this.#changed.add(connection);
    this.#judgeSize();
    return true;
  }

  /** The changes since the last call, as messages in order. They are told by this. */
  *takeChanges(nextSerial: () => number): Generator<Change, void> {
    const { room } = this;
    if (this.isCounted) {
      this.#changed.clear();
      this.#isModeChanged = false;
      yield { kind: 'change', room, ...this.#chain(nextSerial), put: [], del: [], count: this.count };
      return;
    }
    // from numbers to entries: the changes begin anew with the whole set
    if (this.#isModeChanged) this.#serial = 0;
    const changed = this.#isModeChanged ? this.#entries.keys() : this.#changed;
    const put: Entry[] = [];
    const del: string[] = [];
    for (const connection of changed) {
      const entry = this.#entries.get(connection);
      if (entry === undefined) del.push(connection);
      else put.push(entry);
    }
    this.#isModeChanged = false;
    this.#changed.clear();
    for (const { entries, isLast } of parts(put)) {
      yield {
        kind: 'change',
        room,
        ...this.#chain(nextSerial),
        put: entries,
        del: isLast ? del : [],
        count: null,
      };
    }
  }

  /** The whole set, changes that were not told yet included. */
  *whole(): Generator<Whole, void> {
    const { room } = this;
    const serial = this.#serial;
    if (this.isCounted) {
      yield { kind: 'whole', room, serial, part: 0, isLast: true, put: [], count: this.count };
      return;
    }
    let part = 0;
    for (const { entries, isLast } of parts([...this.#entries.values()])) {
      yield { kind: 'whole', room, serial, part, isLast, put: entries, count: null };
      part += 1;
    }
  }

  #chain(nextSerial: () => number): { prev: number; serial: number } {
    const prev = this.#serial;
    this.#serial = nextSerial();
    return { prev, serial: this.#serial };
  }

  #weigh(entry: Entry, sign: 1 | -1): void {
    this.grown(sign * sizeOf(entry));
    this.#infoBytes += sign * Buffer.byteLength(entry.info);
    if (entry.isLost) this.#lost += sign;
  }

  #judgeSize(): void {
    if (this.#limit.judge(this.#devicesByUser.size, this.#infoBytes))
      this.#isModeChanged = !this.#isModeChanged;
  }
}

/** Entries in portions of a message each; at least one, which may be empty. */
function* parts(entries: readonly Entry[]): Generator<{ entries: Entry[]; isLast: boolean }, void> {
  let portion: Entry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    const size = sizeOf(entry);
    if (bytes + size > PART_BYTES && portion.length > 0) {
      yield { entries: portion, isLast: false };
      portion = [];
      bytes = 0;
    }
    portion.push(entry);
    bytes += size;
  }
  yield { entries: portion, isLast: true };
}
