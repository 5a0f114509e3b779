/**
 * The events by which nodes report that delivery was not certain: which node, about which other, and when.
 *
 * The promise (no silent miss) allows a miss only if the sender's or the receiver's node names the other:
 * - strangers are two nodes of which one does not list the other: they can't name each other, and owe nothing;
 * - after a node has reported a peer as gone or not mutual, until it has joined again, it promises nothing about it;
 * - an event up to the detection bound after a message covers it;
 * - a `late` counts until the records that were late have been applied;
 * - time in which one of the two stood still since then extends each of these bounds.
 * Besides, a message that was routed to a peer and given up is counted by its sender, in an event about that peer.
 */
import type { NodeId, ProtocolEvent } from '../contract.js';
import type { Stalls } from './stalls.js';

/** One start of a node, as the simulation sees it. Times are the world's. */
export class Boot {
  #endedAt = Infinity;

  constructor(
    readonly index: number,
    readonly host: number,
    readonly cluster: string,
    readonly nodeId: NodeId,
    readonly bornAt: number,
  ) {}

  /** Infinity: it lives. */
  get endedAt(): number {
    return this.#endedAt;
  }

  end(at: number): void {
    this.#endedAt = at;
  }
}

export type Word =
  'joined' | 'rejoined' | 'left' | 'lost-peer' | 'gap' | 'lost' | 'incomplete' | 'late' | 'not-mutual';

interface Entry {
  readonly at: number;
  readonly word: Word;
  /** Messages it gives up, where it says how many. */
  readonly count: number;
}

/** How long before and after an event it explains a miss. */
export interface Bounds {
  /** From a miss to the event that names it: a dead peer found, an unrepairable gap given up, a hold that ended. */
  readonly detectionMs: number;
  /** From a `late` to the moment by which it is repaired, or has become a gap. */
  readonly lateMs: number;
}

export class Timeline {
  readonly #entries = new Map<string, Entry[]>();
  readonly counts: Record<Word, number> = {
    joined: 0,
    rejoined: 0,
    left: 0,
    'lost-peer': 0,
    gap: 0,
    lost: 0,
    incomplete: 0,
    late: 0,
    'not-mutual': 0,
  };

  constructor(
    readonly bounds: Bounds,
    private readonly stalls: Stalls,
  ) {}

  /** Notes the events about a peer, and ignores others. */
  note(observer: Boot, event: ProtocolEvent, at: number): void {
    if (event.type === 'peer') {
      this.#enter(observer, event.peer.nodeId, event.change === 'lost' ? 'lost-peer' : event.change, 0, at);
    } else if (event.type === 'gap') {
      this.#enter(observer, event.peer, event.kind, event.count ?? 0, at);
    }
  }

  /** Whether `observer` promises anything about `subject` at this time: see the second rule above. */
  trusts(observer: Boot, subject: Boot, at: number): boolean {
    let trusts = false;
    for (const entry of this.#about(observer, subject)) {
      if (entry.at > at) break;
      trusts = isTrustAfter(entry.word, trusts);
    }
    return trusts;
  }

  /** Why a message of `sender` accepted at `at` may have missed a device at `receiver`; null: no reason. */
  excuse(sender: Boot, receiver: Boot, at: number): string | null {
    return this.#excuseOf(sender, receiver, at) ?? this.#excuseOf(receiver, sender, at);
  }

  /**
   * Whether `sender` could not know at this time that its replica of `receiver` lacked devices. That is so if the
   * receiver named the sender shortly before or after, or if the sender found soon after that its replica was stale.
   * What the sender reported of the receiver before is no excuse, nor is a `not-mutual` of its own: then it knew.
   */
  couldNotKnow(sender: Boot, receiver: Boot, at: number): boolean {
    const { detectionMs, lateMs } = this.bounds;
    const soonMs = detectionMs + this.stalls.ofBothSince(sender, receiver, at);
    const wasNamed = this.#about(receiver, sender).some(
      ({ at: saidAt, word }) =>
        !isGreeting(word) &&
        (saidAt >= at
          ? saidAt - at <= soonMs
          : at - saidAt <= lateMs + this.stalls.ofBothSince(sender, receiver, saidAt)),
    );
    return (
      wasNamed ||
      this.#about(sender, receiver).some(
        ({ at: saidAt, word }) =>
          saidAt >= at && saidAt - at <= soonMs && !isGreeting(word) && word !== 'not-mutual',
      )
    );
  }

  /** What living boots have reported of living boots since then. */
  wordsSince(time: number, living: readonly Boot[]): string[] {
    return living.flatMap((observer) =>
      living.flatMap((subject) =>
        this.#about(observer, subject)
          .filter((entry) => entry.at > time)
          .map(({ at, word }) => `${at.toFixed(1)} #${observer.index} says #${subject.index} ${word}`),
      ),
    );
  }

  /** How many messages for `subject` the observer said it gave up. */
  givenUp(observer: Boot, subject: Boot): number {
    return this.#about(observer, subject)
      .filter(({ word }) => word === 'lost' || word === 'incomplete')
      .reduce((sum, { count }) => sum + count, 0);
  }

  /** Whether `subject` may not have known, at this time, of devices that `observer` had declared ready. */
  wasLate(observer: Boot, subject: Boot, at: number): boolean {
    return this.#about(observer, subject).some(
      (entry) =>
        entry.word === 'late' && entry.at <= at && this.#isLateStill(observer, subject, entry.at, at),
    );
  }

  /** Whether `observer` found, after this time, that it had missed a part of what `subject` announced. */
  wasStale(observer: Boot, subject: Boot, at: number): boolean {
    return this.#about(observer, subject).some(
      ({ word, at: saidAt }) =>
        (word === 'gap' || word === 'rejoined') && saidAt >= at && saidAt - at <= this.bounds.detectionMs,
    );
  }

  /** Everything the two reported of each other, for the message of a violation. */
  describe(one: Boot, other: Boot): string {
    const lines = [
      ...this.#about(one, other).map((entry) => ({ ...entry, by: one.index })),
      ...this.#about(other, one).map((entry) => ({ ...entry, by: other.index })),
    ].sort((a, b) => a.at - b.at);
    return lines.map(({ at, by, word }) => `${at.toFixed(1)} #${by} ${word}`).join(', ');
  }

  #excuseOf(observer: Boot, subject: Boot, at: number): string | null {
    let isDisowned = false;
    for (const entry of this.#about(observer, subject)) {
      if (entry.at < at) {
        isDisowned = !isTrustAfter(entry.word, !isDisowned);
        if (entry.word === 'late' && this.#isLateStill(observer, subject, entry.at, at)) return 'late before';
        continue;
      }
      if (isDisowned) return 'disowned then';
      if (entry.word === 'joined') continue;
      const boundMs = this.bounds.detectionMs + this.stalls.ofBothSince(observer, subject, at);
      return entry.at - at <= boundMs ? entry.word : null;
    }
    return isDisowned ? 'disowned' : null;
  }

  #isLateStill(observer: Boot, subject: Boot, since: number, at: number): boolean {
    return at - since <= this.bounds.lateMs + this.stalls.ofBothSince(observer, subject, since);
  }

  #enter(observer: Boot, subject: NodeId, word: Word, count: number, at: number): void {
    this.counts[word] += 1;
    const key = `${observer.index}/${subject}`;
    const entries = this.#entries.get(key);
    if (entries === undefined) this.#entries.set(key, [{ at, word, count }]);
    else entries.push({ at, word, count });
  }

  #about(observer: Boot, subject: Boot): readonly Entry[] {
    return this.#entries.get(`${observer.index}/${subject.nodeId}`) ?? [];
  }
}

function isGreeting(word: Word): boolean {
  return word === 'joined' || word === 'rejoined';
}

function isTrustAfter(word: Word, before: boolean): boolean {
  if (word === 'joined' || word === 'rejoined') return true;
  if (word === 'left' || word === 'lost-peer' || word === 'not-mutual') return false;
  return before;
}
