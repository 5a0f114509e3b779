/** A connection that is seen in a room. */
export interface Entry {
  /** Unique in the cluster. */
  readonly connection: string;
  readonly user: string;
  /** When it entered, by the clock of its node, in milliseconds since the epoch. */
  readonly at: number;
  /** JSON text; '': none. */
  readonly info: string;
  /** It has ended without a word. It counts for the grace, so that who comes back was never gone. */
  readonly isLost: boolean;
}

/** How many are in a set that is too large to be told by its entries. */
export interface Count {
  readonly users: number;
  readonly devices: number;
}

/** What an entry takes in memory: its texts, and some 250 bytes for itself and its places in tables. */
export function sizeOf({ connection, user, info }: Entry): number {
  return 250 + connection.length + user.length + info.length;
}

/** Whether it is told by numbers: it has too many users, or too many bytes of `info`. */
export class SizeLimit {
  #isExceeded = false;

  constructor(
    private readonly usersMax: number,
    private readonly infoBytesMax: number,
  ) {}

  get isExceeded(): boolean {
    return this.#isExceeded;
  }

  /** What was exceeded is so until it is below four fifths again. Returns whether that has changed. */
  judge(users: number, infoBytes: number): boolean {
    const share = this.#isExceeded ? RELIEVED_SHARE : 1;
    const isExceeded = users > this.usersMax * share || infoBytes > this.infoBytesMax * share;
    const hasChanged = isExceeded !== this.#isExceeded;
    this.#isExceeded = isExceeded;
    return hasChanged;
  }
}

const RELIEVED_SHARE = 0.8;
