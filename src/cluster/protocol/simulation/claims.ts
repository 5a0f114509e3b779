/**
 * Checks receipts that call themselves complete, although there is a node that holds the address, that the sender has
 * heard, and that was not reached. A complete receipt promises that every such node was asked. So this is a violation,
 * unless the sender could not know.
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

  /** Judges a claim when every event that may excuse it has had time to come. */
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
