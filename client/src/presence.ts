/** A user in a room: one entry, however many devices. */
export interface Member {
  readonly user_id: string;
  readonly devices: number;
  /** Of the device that joined last. */
  readonly info?: unknown;
}

export interface PresenceCount {
  readonly users: number;
  readonly devices: number;
}

/** Who is in a room. */
export interface Presence {
  /** A new list with each change. Empty while there are too many for a list. */
  readonly members: readonly Member[];
  /** Instead of a list, in rooms with too many members. */
  readonly count: PresenceCount | null;
}

/** The `data` of a frame `presence` about a room: a page of the list, changes, or a count. */
export interface PresenceData {
  readonly room: string;
  readonly members?: readonly Member[];
  readonly more?: boolean;
  readonly joined?: readonly Member[];
  readonly updated?: readonly Member[];
  readonly left?: readonly string[];
  readonly count?: PresenceCount;
}

const NOBODY: Presence = { members: [], count: null };

/** Folds what the server tells of a room's members into a list. */
export class PresenceList {
  current = NOBODY;
  #members = new Map<string, Member>();
  /** A list that comes in pages: shown when it is whole, so that nobody seems to leave meanwhile. */
  #pages: Map<string, Member> | undefined;

  /** A list that has come in part will not be continued. */
  restart(): void {
    this.#pages = undefined;
  }

  /** False: there is nothing new to show yet. */
  fold({ members, more, joined = [], updated = [], left = [], count }: PresenceData): boolean {
    if (count !== undefined) {
      this.#members = new Map();
      this.#pages = undefined;
      this.current = { members: [], count };
      return true;
    }
    if (members !== undefined) this.#pages ??= new Map();
    const list = this.#pages ?? this.#members;
    for (const member of [...(members ?? []), ...joined, ...updated]) list.set(member.user_id, member);
    for (const user of left) list.delete(user);
    if (members !== undefined && more !== true) {
      this.#members = list;
      this.#pages = undefined;
    }
    if (this.#pages !== undefined) return false;
    this.current = { members: [...this.#members.values()], count: null };
    return true;
  }
}
