/**
 * What we send to a peer: our unicast stream to it, and its place in our broadcast stream, as agreed by its HELLO and
 * our WELCOME. The directions of a pair are separate: this is one of them.
 *
 * Without a session messages wait in the stream, bounded in time and size (R9). A new session renumbers what is left
 * (R3), and begins with a snapshot of our users (R5).
 */
import type { Timing } from '../options.js';
import { Backlog } from '../streams/backlog.js';
import { OutgoingStream } from '../streams/outgoing-stream.js';
import type { VolatileQueue } from '../streams/volatile-queue.js';
import { next, type Transitions } from '../transitions.js';
import { BarrierStanding } from './barrier-standing.js';
import type { PathSize } from './path-size.js';
import type { PeerTimers } from './peer-timers.js';
import { WindowStanding } from './window-standing.js';

export type OutgoingState = 'closed' | 'loading' | 'complete';
export type OutgoingEvent = 'open' | 'complete';

const TRANSITIONS: Transitions<OutgoingState, OutgoingEvent> = {
  closed: { open: 'loading' },
  loading: { open: 'loading', complete: 'complete' },
  complete: { open: 'loading' },
};

/** What a WELCOME says of the session. It is repeated as it was. */
export interface Welcome {
  /** Of the HELLO that it answers. */
  readonly nonce: number;
  /** Session numbers grow over all peers of this boot and are never used again. */
  readonly session: number;
  /** The last broadcast record before the session: the snapshot covers everything up to it. */
  readonly base: number;
  readonly report: number;
  readonly packetNumber: number;
}

const NONE: Welcome = { nonce: 0, session: 0, base: 0, report: 0, packetNumber: 0 };
const NOBODY: Iterator<number, unknown> = [][Symbol.iterator]();

export class OutgoingSession {
  readonly stream: OutgoingStream;
  readonly backlog: Backlog;
  readonly barrierStanding = new BarrierStanding();
  readonly windowStanding: WindowStanding;

  #former: readonly number[] = [];
  #state: OutgoingState = 'closed';
  #welcome = NONE;
  /** The rest of the snapshot. */
  #snapshot = NOBODY;
  #window: number;
  /** How many records of the last session were carried into the present one. They are its first. */
  #carried = 0;
  #pollIntervalMs = 0;
  /** When this node last woke from a sleep. No ack could come while it slept. */
  #awakeSince = -Infinity;

  /** Six parts: three are plain settings of the node, the others are made with settings that a session need not know. */
  constructor(
    recordBytes: number,
    private readonly windowMin: number,
    private readonly timing: Timing,
    private readonly timers: PeerTimers,
    /** How large its datagrams may be. */
    readonly path: PathSize,
    readonly volatile: VolatileQueue,
  ) {
    this.stream = new OutgoingStream(recordBytes);
    this.backlog = new Backlog(timing, timers.stall);
    this.windowStanding = new WindowStanding(timing);
    this.#window = windowMin;
  }

  /** Sessions of ours, from before the peer was dropped and met anew, that it may still be in. */
  get former(): readonly number[] {
    return this.#former;
  }

  get state(): OutgoingState {
    return this.#state;
  }

  /** The peer takes records. */
  get isOpen(): boolean {
    return this.#state !== 'closed';
  }

  /** The snapshot has not been written to its end. */
  get isLoading(): boolean {
    return this.#state === 'loading';
  }

  /** The session's number; 0: there is none. */
  get id(): number {
    return this.#welcome.session;
  }

  get welcome(): Welcome {
    return this.#welcome;
  }

  /** How many records the peer can take, as it last said. */
  get window(): number {
    return this.#window;
  }

  /** The broadcast stream must keep the records after this one for the peer. */
  get broadcastNeededAfter(): number {
    return Math.max(this.barrierStanding.acked, this.#welcome.base);
  }

  /** Since when the oldest unacked record has waited for the peer; Infinity: there is none. */
  get unackedSince(): number {
    return Math.max(this.stream.oldestClosedAt, this.#awakeSince);
  }

  get carried(): number {
    return this.#carried;
  }

  /** A HELLO with a new nonce was answered, and the stream begun anew with what is carried. */
  open(welcome: Welcome, snapshot: Iterator<number, unknown>): void {
    this.#move('open');
    this.#carried = this.stream.nextSequence - 1;
    this.#welcome = welcome;
    this.#snapshot = snapshot;
    this.barrierStanding.open();
    this.windowStanding.open();
    this.backlog.restart();
    this.path.restart();
    this.timers.poll.cancel();
    this.timers.hold.cancel();
  }

  /** The peer was dropped before, and may still be in these sessions. */
  meetAnew(former: readonly number[]): void {
    this.#former = former;
  }

  /** It has acked something in the present session. */
  leaveFormer(): void {
    this.#former = [];
  }

  /** The next hash of the snapshot; undefined: there are no more, and the session is complete. */
  takeOfSnapshot(): number | undefined {
    const result = this.#snapshot.next();
    if (result.done !== true) return result.value;
    this.#move('complete');
    this.#snapshot = NOBODY;
    return undefined;
  }

  setWindow(records: number): void {
    this.#window = Math.max(records, this.windowMin);
  }

  /** Closes the open record. Without a session it waits for one, for a bounded time. */
  closeRecord(now: number): void {
    this.stream.close(now);
    if (this.#state === 'closed') this.#setHold();
  }

  /** Drops what has waited for a session for too long. */
  dropHeld(now: number): void {
    this.backlog.drop(this.stream.dropHeld(now, this.timing.holdMs));
    this.#setHold();
  }

  /**
   * A record went out that is to be acked: the peer is asked for its position, unless that is planned. `gatheredMs`: how
   * much longer than usual acks may take.
   */
  expectAck(now: number, roundTripMs: number | null, gatheredMs: number): void {
    if (!this.timers.poll.isSet) this.pollSoon(now, roundTripMs, gatheredMs);
  }

  pollSoon(now: number, roundTripMs: number | null, gatheredMs: number): void {
    this.timers.poll.setIfSooner(now + this.#resetPollInterval(roundTripMs, gatheredMs));
  }

  /** An ack has come: if more is owed, the peer is asked for it later than before. */
  noteAck(now: number, roundTripMs: number | null, gatheredMs: number, isOwed: boolean): void {
    const intervalMs = this.#resetPollInterval(roundTripMs, gatheredMs);
    if (isOwed) this.timers.poll.set(now + intervalMs);
    else this.timers.poll.cancel();
  }

  /** A POLL goes out. The next one follows at a longer interval, unless the peer holds the broadcast window shut. */
  poll(now: number): void {
    if (this.windowStanding.state !== 'blocking') {
      this.#pollIntervalMs = Math.min(this.#pollIntervalMs * 2, this.timing.pollIntervalMaxMs);
    }
    this.timers.poll.set(now + this.#pollIntervalMs);
  }

  /** We slept for `ms`. That does not count against the peer. */
  forgive(now: number, ms: number): void {
    this.backlog.forgive(ms);
    this.windowStanding.forgive(ms);
    this.#awakeSince = now;
  }

  #resetPollInterval(roundTripMs: number | null, gatheredMs: number): number {
    this.#pollIntervalMs = this.timing.pollAfterMs + gatheredMs + 2 * (roundTripMs ?? 0);
    return this.#pollIntervalMs;
  }

  #setHold(): void {
    this.timers.hold.set(this.stream.oldestClosedAt + this.timing.holdMs);
  }

  #move(event: OutgoingEvent): void {
    this.#state = next(TRANSITIONS, this.#state, event);
  }
}
