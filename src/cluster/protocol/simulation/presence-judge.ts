/**
 * The omniscient judge of presence. It knows every connection that was ever seen in a room. When all is quiet, every node
 * must show exactly those that are there. While nothing worse than loss happens, nobody may be shown as gone who was
 * there all the time, or back within the grace.
 */
import type { Member } from '../presence/room-view.js';
import { Violation } from './violation.js';

export const GRACE_MS = 700;

/**
 * Whoever was there for so long, without an interruption, is known to be there. A device on another node is known when
 * the watcher has been told of it: after a batch, the way with all that waits on it, and repairs. But no later than this.
 */
const KNOWN_AFTER_MS = 1_500;

export interface Seen {
  readonly connection: string;
  readonly room: string;
  readonly user: string;
  readonly info: string;
  readonly at: number;
  readonly boot: number;
  /** By the world's clock. */
  readonly enteredAt: number;
  endedAt: number;
  /** Until when it counts as there. */
  coveredUntil: number;
}

export class PresenceJudge {
  readonly #seen: Seen[] = [];
  /** By the connection: the boots that were told of it. */
  readonly #told = new Map<string, Set<number>>();
  shown = 0;

  constructor(
    /** Whether more than loss may happen: then nobody is excused or blamed before all is quiet. */
    private readonly isChaotic: boolean,
    /** Whether the one boot had met the other by then. Boots are named by their index. */
    private readonly hasMet: (observer: number, subject: number, at: number) => boolean,
  ) {}

  entered(seen: Omit<Seen, 'endedAt' | 'coveredUntil'>): Seen {
    const entry = { ...seen, endedAt: Infinity, coveredUntil: Infinity };
    this.#seen.push(entry);
    return entry;
  }

  ended(seen: Seen, at: number, isLost: boolean): void {
    if (seen.endedAt !== Infinity) return;
    seen.endedAt = at;
    seen.coveredUntil = isLost ? at + GRACE_MS : at;
  }

  /** A message that tells of the connection has come to the node. */
  told(watcher: number, connection: string): void {
    const watchers = this.#told.get(connection);
    if (watchers === undefined) this.#told.set(connection, new Set([watcher]));
    else watchers.add(watcher);
  }

  /** A node shows the user as gone. */
  gone(watcher: number, room: string, user: string, at: number): void {
    this.shown += 1;
    if (this.isChaotic) return;
    const entries = this.#seen
      .filter((seen) => seen.room === room && seen.user === user && this.#isKnown(watcher, seen, at))
      .toReversed();
    let coveredFrom = at;
    for (const { enteredAt, coveredUntil } of entries) {
      if (coveredUntil >= coveredFrom && enteredAt < coveredFrom) coveredFrom = enteredAt;
    }
    if (coveredFrom > at - KNOWN_AFTER_MS) return;
    throw new Violation(
      'presence',
      `#${watcher} shows ${user} as gone from ${room}, who was there all the time`,
    );
  }

  /** Nodes can meet late: where an introduction was lost, the next one comes after seconds. */
  #isKnown(watcher: number, { boot, connection, enteredAt }: Seen, at: number): boolean {
    if (boot === watcher) return true;
    const isTold = enteredAt <= at - KNOWN_AFTER_MS || this.#told.get(connection)?.has(watcher) === true;
    return isTold && this.hasMet(watcher, boot, at - KNOWN_AFTER_MS);
  }

  /** All is quiet: what a node shows of the room must be the truth. */
  compare(watcher: number, room: string, shown: readonly Member[], livingBoots: ReadonlySet<number>): void {
    const truth = new Map<string, { devices: number; last: Seen }>();
    for (const seen of this.#seen) {
      if (seen.room !== room || seen.endedAt !== Infinity || !livingBoots.has(seen.boot)) continue;
      const present = truth.get(seen.user);
      if (present === undefined) truth.set(seen.user, { devices: 1, last: seen });
      else {
        present.devices += 1;
        const { last } = present;
        if (seen.at > last.at || (seen.at === last.at && seen.connection > last.connection))
          present.last = seen;
      }
    }
    const is = linesOf(shown.map(({ user, devices, info }) => [user, devices, info] as const));
    const should = linesOf(
      [...truth].map(([user, { devices, last }]) => [user, devices, last.info] as const),
    );
    if (is !== should) {
      throw new Violation(
        'presence',
        `#${watcher} shows in ${room}: ${is || 'nobody'}; there are: ${should || 'nobody'}`,
      );
    }
  }
}

function linesOf(members: Iterable<readonly [string, number, string]>): string {
  return [...members]
    .map((member) => member.join(' '))
    .sort()
    .join(', ');
}
