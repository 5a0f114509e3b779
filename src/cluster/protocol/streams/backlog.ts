/**
 * What waits for a peer: whether its acks make progress, whether senders should wait because of it, and how many messages
 * were dropped since that was last reported.
 */
import type { Timing } from '../options.js';
import type { Timer } from '../timers.js';
import { next, type Transitions } from '../transitions.js';

/** Under load a dead peer would otherwise cause a line in the log every turn. */
const DROPS_TOLD_EVERY_MS = 100;

export type BacklogState = 'flowing' | 'congested';
export type BacklogEvent = 'congest' | 'relieve';

const TRANSITIONS: Transitions<BacklogState, BacklogEvent> = {
  flowing: { congest: 'congested' },
  congested: { relieve: 'flowing' },
};

export class Backlog {
  #state: BacklogState = 'flowing';
  /** Since when acks have made no progress, with records in flight; Infinity: nothing is in flight. */
  #stuckSince = Infinity;
  #progressAt = -Infinity;
  #dropped = 0;
  #droppedToldAt = -Infinity;

  constructor(
    private readonly timing: Timing,
    /** Set while congested: when the peer has stalled, nobody waits for it any more. */
    private readonly stall: Timer,
  ) {}

  get state(): BacklogState {
    return this.#state;
  }

  /** The queue is above the high-water mark. */
  get isCongested(): boolean {
    return this.#state === 'congested';
  }

  /** Users' messages given up: the peer does not answer, and the queue is full or too old. */
  get dropped(): number {
    return this.#dropped;
  }

  congest(): void {
    this.#move('congest');
    this.#setStuck(this.#stuckSince);
  }

  relieve(): void {
    this.#move('relieve');
    this.stall.cancel();
  }

  /** It makes no progress with what it was sent. */
  isStalled(now: number): boolean {
    return now >= this.#stuckSince + this.timing.stalledAfterMs;
  }

  /** Acks have made progress lately. */
  isAcking(now: number): boolean {
    return now < this.#progressAt + this.timing.stalledAfterMs;
  }

  /** A record goes out. */
  noteSent(now: number): void {
    if (this.#stuckSince === Infinity) this.#setStuck(now);
  }

  /** Acks made progress, and so many records are still in flight. */
  noteProgress(now: number, inFlight: number): void {
    this.#progressAt = now;
    this.#setStuck(inFlight === 0 ? Infinity : now);
  }

  /** A new session has begun, and nothing of it is in flight. */
  restart(): void {
    this.#progressAt = -Infinity;
    this.#setStuck(Infinity);
  }

  drop(userMessages: number): void {
    this.#dropped += userMessages;
  }

  /** How many were dropped, if it is time to report them; they are reported now. */
  takeDropped(now: number): number {
    if (this.#dropped === 0 || now < this.#droppedToldAt + DROPS_TOLD_EVERY_MS) return 0;
    this.#droppedToldAt = now;
    return this.takeAllDropped();
  }

  takeAllDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }

  /** This node slept for `ms`. That does not count against the peer. */
  forgive(ms: number): void {
    this.#setStuck(this.#stuckSince + ms);
  }

  #move(event: BacklogEvent): void {
    this.#state = next(TRANSITIONS, this.#state, event);
  }

  #setStuck(since: number): void {
    this.#stuckSince = since;
    if (this.#state === 'congested') this.stall.set(since + this.timing.stalledAfterMs);
  }
}
