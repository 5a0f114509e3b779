/** A record that is closed: it waits to be sent, is on its way, or is kept for repair. */
export class OutgoingRecord {
  #sentAt = -Infinity;
  #repairedFor: object | null = null;

  /** Six plain facts. An object around them would be one more allocation for each record. */
  constructor(
    readonly body: Buffer,
    readonly isUrgent: boolean,
    readonly isSnapshot: boolean,
    /** A fragment that is not its message's first. */
    readonly isContinuation: boolean,
    /** Users' messages that end in this record. */
    readonly userMessages: number,
    readonly closedAt: number,
  ) {}

  /** A part of a snapshot. It has no messages, and is never sent in a later session. */
  static ofSnapshot(body: Buffer, now: number): OutgoingRecord {
    return new OutgoingRecord(body, false, true, false, 0, now);
  }

  get sentAt(): number {
    return this.#sentAt;
  }

  /** The peer it was last repaired for, when that was to one peer alone. */
  get repairedFor(): object | null {
    return this.#repairedFor;
  }

  send(now: number): void {
    this.#sentAt = now;
  }

  /** `peer` null: to everyone. */
  repair(now: number, peer: object | null): void {
    this.#sentAt = now;
    this.#repairedFor = peer;
  }

  /** It belongs to a new session, in which it was never sent. */
  unsend(): void {
    this.#sentAt = -Infinity;
  }
}
