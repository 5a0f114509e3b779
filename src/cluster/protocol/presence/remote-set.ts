/**
 * What another node told of its connections in one room. It is known when its changes follow each other without a hole.
 * Else the node is asked for the whole set, and what it says is ignored until the answer comes.
 */
import type { Count, Entry } from './entry.js';
import type { Change, Whole } from './messages.js';

export class RemoteSet {
  readonly entries = new Map<string, Entry>();
  count: Count | null = null;
  /** Of the last changes that it has. */
  #serial = 0;
  /** The parts of the whole set that have come. */
  #parts: Whole[] = [];

  /** False: there is a hole, and the node must be asked. `changed` is told of each entry that came, changed or went. */
  apply(change: Change, changed: (before: Entry | undefined, after: Entry | undefined) => void): boolean {
    const { prev, serial, put, del, count } = change;
    if (prev !== 0 && serial <= this.#serial) return true;
    if (prev !== 0 && prev !== this.#serial) return false;
    this.#serial = serial;
    this.count = count;
    if (prev === 0 || count !== null) {
      this.#replace(put, changed);
      return true;
    }
    for (const entry of put) this.#put(entry, changed);
    for (const connection of del) this.#remove(connection, changed);
    return true;
  }

  /** Returns true when the last part has come. */
  applyWhole(part: Whole, changed: (before: Entry | undefined, after: Entry | undefined) => void): boolean {
    if (part.part === 0) this.#parts = [];
    else if (part.part !== this.#parts.length) return false;
    this.#parts.push(part);
    if (!part.isLast) return false;
    const entries = this.#parts.flatMap(({ put }) => put);
    this.#parts = [];
    this.#serial = part.serial;
    this.count = part.count;
    this.#replace(entries, changed);
    return true;
  }

  clear(changed: (before: Entry | undefined, after: Entry | undefined) => void): void {
    this.count = null;
    this.#replace([], changed);
  }

  #replace(
    entries: readonly Entry[],
    changed: (before: Entry | undefined, after: Entry | undefined) => void,
  ): void {
    const kept = new Set(entries.map(({ connection }) => connection));
    for (const connection of this.entries.keys()) {
      if (!kept.has(connection)) this.#remove(connection, changed);
    }
    for (const entry of entries) this.#put(entry, changed);
  }

  #put(entry: Entry, changed: (before: Entry | undefined, after: Entry | undefined) => void): void {
    const before = this.entries.get(entry.connection);
    this.entries.set(entry.connection, entry);
    changed(before, entry);
  }

  #remove(connection: string, changed: (before: Entry | undefined, after: Entry | undefined) => void): void {
    const before = this.entries.get(connection);
    if (before === undefined) return;
    this.entries.delete(connection);
    changed(before, undefined);
  }
}
