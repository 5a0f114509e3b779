/**
 * Who is shown in one room: the union of all nodes' sets, by user, and how it differs from what was shown last.
 *
 * A user is one member, however many devices. `info` is that of the device that entered last; of two at the same time,
 * that of the greater connection id, so that all nodes agree.
 */
import { type Count, type Entry, sizeOf } from './entry.js';

export interface Member {
  readonly user: string;
  readonly devices: number;
  /** JSON text; '': none. */
  readonly info: string;
}

export interface ViewChange {
  readonly joined: readonly Member[];
  readonly updated: readonly Member[];
  readonly left: readonly string[];
}

export class RoomView {
  readonly #entriesByUser = new Map<string, Map<string, Entry>>();
  readonly #shown = new Map<string, Member>();
  readonly #dirty = new Set<string>();
  #bytes = 0;
  #infoBytes = 0;
  #devices = 0;

  constructor(
    /** Its memory has grown by so many bytes. */
    private readonly grown: (bytes: number) => void,
  ) {}

  /** Memory of the entries. */
  get bytes(): number {
    return this.#bytes;
  }

  get infoBytes(): number {
    return this.#infoBytes;
  }

  get isDirty(): boolean {
    return this.#dirty.size > 0;
  }

  get count(): Count {
    return { users: this.#entriesByUser.size, devices: this.#devices };
  }

  /** As it was shown last. */
  members(): Member[] {
    return [...this.#shown.values()];
  }

  /** An entry came, changed or went. */
  readonly note = (before: Entry | undefined, after: Entry | undefined): void => {
    if (before !== undefined) this.#remove(before);
    if (after !== undefined) this.#add(after);
  };

  /** What is to be shown differently from now on. `keepsAll`: nobody is shown as gone now. */
  takeChange(keepsAll: boolean): ViewChange {
    const joined: Member[] = [];
    const updated: Member[] = [];
    const left: string[] = [];
    for (const user of this.#dirty) {
      const before = this.#shown.get(user);
      const entries = this.#entriesByUser.get(user);
      if (entries === undefined && keepsAll && before !== undefined) continue;
      this.#dirty.delete(user);
      if (entries === undefined) {
        if (this.#shown.delete(user)) left.push(user);
        continue;
      }
      const member = memberOf(user, entries);
      if (before?.devices === member.devices && before.info === member.info) continue;
      this.#shown.set(user, member);
      (before === undefined ? joined : updated).push(member);
    }
    return { joined, updated, left };
  }

  #add(entry: Entry): void {
    const entries = this.#entriesByUser.get(entry.user);
    if (entries === undefined) this.#entriesByUser.set(entry.user, new Map([[entry.connection, entry]]));
    else entries.set(entry.connection, entry);
    this.#grow(sizeOf(entry));
    this.#infoBytes += Buffer.byteLength(entry.info);
    this.#devices += entry.isLost ? 0 : 1;
    this.#dirty.add(entry.user);
  }

  #remove({ user, connection }: Entry): void {
    const entries = this.#entriesByUser.get(user);
    const entry = entries?.get(connection);
    if (entries === undefined || entry === undefined) return;
    entries.delete(connection);
    if (entries.size === 0) this.#entriesByUser.delete(user);
    this.#grow(-sizeOf(entry));
    this.#infoBytes -= Buffer.byteLength(entry.info);
    this.#devices -= entry.isLost ? 0 : 1;
    this.#dirty.add(user);
  }

  #grow(bytes: number): void {
    this.#bytes += bytes;
    this.grown(bytes);
  }
}

function memberOf(user: string, entries: ReadonlyMap<string, Entry>): Member {
  let devices = 0;
  let last: Entry | undefined;
  for (const entry of entries.values()) {
    if (!entry.isLost) devices += 1;
    if (last === undefined || isLater(entry, last)) last = entry;
  }
  return { user, devices: Math.max(devices, 1), info: last?.info ?? '' };
}

function isLater(a: Entry, b: Entry): boolean {
  return a.at === b.at ? a.connection > b.connection : a.at > b.at;
}
