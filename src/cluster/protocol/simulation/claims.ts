/**
 * Receipts that call themselves complete although a node holds the address, was heard by the sender, and was not
 * reached. `complete` says that this can't be: every such node is asked. So it is a violation, unless the sender could
 * not know.
 */
import type { Device } from './device.js';
import type { Entry } from './message-log.js';
import type { Stalls } from './stalls.js';
import type { Boot, Timeline } from './timeline.js';
import { Violation } from './violation.js';

interface Claim {
  readonly entry: Entry;
  readonly receiver: Boot;
  /** When it was made. */
  readonly at: number;
}

export class Claims {
  #claims: Claim[] = [];

  constructor(
    private readonly timeline: Timeline,
    private readonly stalls: Stalls,
  ) {}

  /** A receipt that calls itself complete has come. `holders`: who was known to hold the address. */
  add(entry: Entry, holders: ReadonlyMap<Boot, readonly Device[]>, at: number): void {
    for (const [receiver, devices] of holders) {
      if (entry.reached.has(receiver.index) || devices.every(({ isGone }) => isGone)) continue;
      this.#claims.push({ entry, receiver, at });
    }
  }

  judge(now: number): void {
    this.#claims = this.#claims.filter((claim) => !this.#isJudged(claim, now));
  }

  /** Once everything is said that may excuse it. */
  #isJudged({ entry, receiver, at }: Claim, now: number): boolean {
    const { sender } = entry;
    const due = at + this.timeline.bounds.detectionMs + this.stalls.ofBothSince(sender, receiver, entry.at);
    if (due > now) return false;
    if (sender.endedAt <= due || receiver.endedAt <= due) return true;
    if (this.timeline.couldNotKnow(sender, receiver, entry.at)) return true;
    throw new Violation(
      'honest receipts',
      `#${entry.id} to ${entry.to}, sent by #${sender.index} at ${entry.at.toFixed(1)}, is complete with ` +
        `${entry.receipt?.delivered ?? 0}, but #${receiver.index}, which it hears, holds the user and was not asked; ` +
        `they said: ${this.timeline.describe(sender, receiver) || 'nothing'}`,
    );
  }
}
