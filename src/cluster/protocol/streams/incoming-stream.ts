/**
 * The receiving end of a sequence of records: puts them in order, once each, and knows what to ask for again.
 *
 *      next                       highest
 *        | missing or held . . . . . |            everything before `next` has been taken, in order
 *
 * Rules.
 * - `next - 1` is what gets acked: taken means applied (a position received but not applied proves nothing).
 * - Records up to `HELD_MAX` ahead are held; farther ones are refused, and come again by repair.
 * - A hole is asked for after `firstDelayMs` (the network reorders), then again at doubling intervals; what was asked and
 *   may be on its way is not asked for again with newer holes. When half of it has come, the intervals start anew; less than
 *   that may be all that a slow receiver has read yet. Each interval grows with what was asked for, for the same reason.
 */
import type { Timer } from '../timers.js';
import type { ByteWriter } from '../wire/byte-writer.js';

/** No sender has more in flight than this, whatever window it is told. A power of two. */
export const HELD_MAX = 512;
const HELD_MASK = HELD_MAX - 1;

export interface RepairTiming {
  readonly firstDelayMs: number;
  /** As much again at random, so that many receivers of one loss do not ask at once. */
  readonly firstJitterMs: number;
  readonly retryMs: number;
  readonly retryMaxMs: number;
  /** Added to an interval for each record that was asked for. */
  readonly retryRecordMs: number;
  /** What is missing for so long is given up. */
  readonly gapAfterMs: number;
}

/** Set for as long as something is missing. */
export interface RepairTimers {
  /** A NACK is due. */
  readonly nack: Timer;
  readonly gap: Timer;
}

export class IncomingStream {
  readonly #held: (Buffer | undefined)[] = [];
  #heldCount = 0;
  #heldBytes = 0;
  #next = 1;
  #highest = 0;
  #askedTo = 0;
  #retryMs: number;
  /** Records named since the last retry, and how many of those up to `askedTo` have come since. */
  #asked = 0;
  #came = 0;
  /** When the holes up to `askedTo` are asked for again. */
  #retryAt = Infinity;
  /** When newer holes are asked for the first time. */
  #askAt = Infinity;
  #stuckSince = Infinity;

  constructor(
    private readonly timing: RepairTiming,
    private readonly random: () => number,
    private readonly timers: RepairTimers,
  ) {
    this.#retryMs = timing.retryMs;
  }

  get next(): number {
    return this.#next;
  }

  get highest(): number {
    return this.#highest;
  }

  get held(): number {
    return this.#heldCount;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  get isMissing(): boolean {
    return this.#highest >= this.#next;
  }

  /** Since when `next` has been missing; Infinity: it is not. */
  get stuckSince(): number {
    return this.#stuckSince;
  }

  reset(next: number): void {
    this.#held.length = 0;
    this.#heldCount = 0;
    this.#heldBytes = 0;
    this.#next = next;
    this.#highest = next - 1;
    this.#settle();
  }

  /**
   * A record has come. True: it is the next one, and is taken; apply it, then everything `take` yields. False: held for
   * later, or not wanted (a duplicate, or too far ahead).
   */
  receive(now: number, sequence: number, body: Buffer): boolean {
    if (sequence === this.#next) {
      if (sequence <= this.#askedTo) this.#came += 1;
      this.#advance(now, sequence);
      return true;
    }
    if (sequence < this.#next || sequence >= this.#next + HELD_MAX) return false;
    if (this.#held[sequence & HELD_MASK] === undefined) {
      this.#held[sequence & HELD_MASK] = body;
      this.#heldCount += 1;
      this.#heldBytes += body.length;
      if (sequence <= this.#askedTo) this.#came += 1;
    }
    this.noteHighest(now, sequence);
    return false;
  }

  /** The next record in order, if it is here. */
  take(now: number): Buffer | undefined {
    if (this.#heldCount === 0) return undefined;
    const index = this.#next & HELD_MASK;
    const body = this.#held[index];
    if (body === undefined) return undefined;
    this.#held[index] = undefined;
    this.#heldCount -= 1;
    this.#heldBytes -= body.length;
    this.#advance(now, this.#next);
    return body;
  }

  /** The sender says that it has sent up to here. */
  noteHighest(now: number, sequence: number): void {
    if (sequence <= this.#highest) return;
    this.#highest = sequence;
    if (this.#stuckSince === Infinity) this.#setStuck(now);
    if (this.#askAt === Infinity) {
      this.#askAt = now + this.timing.firstDelayMs + this.timing.firstJitterMs * this.random();
      this.#setNack();
    }
  }

  /** The sender asked for our position: what is missing is lost, not late. */
  askNow(now: number): void {
    if (!this.isMissing || this.#askAt === Infinity) return;
    this.#askAt = now;
    this.#setNack();
  }

  /** The session has ended: nothing of it is asked for any more. */
  stopAsking(): void {
    this.#settle();
  }

  /** This node slept for `ms`. What is missing has so much more time to come. */
  forgive(ms: number): void {
    if (this.#stuckSince !== Infinity) this.#setStuck(this.#stuckSince + ms);
  }

  /** Writes the missing ranges (first u48, count u16) that are due, and returns how many records they name. */
  writeMissing(now: number, writer: ByteWriter, rangesMax: number, recordsMax: number): number {
    const isRetry = now >= this.#retryAt;
    if (isRetry) {
      if (this.#came * 2 >= this.#asked) this.#retryMs = this.timing.retryMs;
      this.#asked = 0;
      this.#came = 0;
    }
    const from = isRetry ? this.#next : Math.max(this.#next, this.#askedTo + 1);
    // Beyond what may be held nothing would be kept: it is asked for when its turn comes.
    const to = Math.min(this.#highest, this.#next + HELD_MAX - 1);
    let ranges = 0;
    let records = 0;
    let at = from;
    while (at <= to && ranges < rangesMax && records < recordsMax) {
      if (this.#isHeld(at)) {
        at += 1;
        continue;
      }
      const first = at;
      while (at <= to && records < recordsMax && !this.#isHeld(at)) {
        at += 1;
        records += 1;
      }
      writer.u48(first).u16(at - first);
      ranges += 1;
    }
    this.#asked += records;
    this.#askedTo = Math.max(this.#askedTo, at - 1);
    this.#askAt = this.#askedTo < to ? now + this.timing.firstDelayMs : Infinity;
    if (isRetry || this.#retryAt === Infinity) {
      const intervalMs = this.#retryMs + records * this.timing.retryRecordMs;
      this.#retryAt = now + intervalMs * (0.75 + 0.5 * this.random());
      this.#retryMs = Math.min(this.#retryMs * 2, this.timing.retryMaxMs);
    }
    this.#setNack();
    return records;
  }

  #isHeld(sequence: number): boolean {
    return this.#held[sequence & HELD_MASK] !== undefined;
  }

  #advance(now: number, sequence: number): void {
    this.#next = sequence + 1;
    if (this.#highest <= sequence) {
      this.#highest = sequence;
      if (this.#stuckSince !== Infinity) this.#settle();
    } else {
      this.#setStuck(now);
    }
  }

  #settle(): void {
    this.#askedTo = this.#highest;
    this.#retryAt = Infinity;
    this.#askAt = Infinity;
    this.#setNack();
    this.#setStuck(Infinity);
    this.#retryMs = this.timing.retryMs;
    this.#asked = 0;
    this.#came = 0;
  }

  #setNack(): void {
    this.timers.nack.set(Math.min(this.#askAt, this.#retryAt));
  }

  #setStuck(since: number): void {
    this.#stuckSince = since;
    this.timers.gap.set(since + this.timing.gapAfterMs);
  }
}
