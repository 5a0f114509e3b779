/**
 * One start of one node: the driver of a protocol core, and the event loop it lives in.
 *
 * A turn is what Node does between two polls: timers that are due, the work of other callbacks (here: what clients do),
 * up to 32 datagrams from each socket, then the flush. Turns take time, and a process may be paused between them, so
 * timers come late and the sockets fill meanwhile. After each input the core's events are taken out at once. Then the
 * bytes of the datagram are overwritten, because the core must not keep them.
 */
import type { Arrival, Endpoint, ProtocolEvent, ProtocolNode } from '../contract.js';
import { DATAGRAMS_PER_TURN, Sockets, type Datagram } from './kernel.js';
import type { LocalClock } from './local-clock.js';
import type { Network, Station } from './network.js';
import type { Schedule } from './schedule.js';
import type { Trace } from './trace.js';
import { Violation } from './violation.js';

/** How fast a process is. */
export interface Pace {
  readonly turnMs: number;
  readonly datagramMs: number;
  readonly datagramsPerTurn: number;
  /** Timers fire late by up to this much. */
  readonly timerLagMs: number;
  readonly receiveBufferBytes: number;
  readonly ownSocketFirst: boolean;
}

export interface Surroundings {
  readonly schedule: Schedule;
  readonly network: Network;
  readonly station: Station;
  readonly trace: Trace;
}

/** What runs above the core: takes its events, and is asked at the end of each turn whether all is in time. */
export interface Occupant {
  /** The core has taken the datagram. Its events follow. */
  hasRead(datagram: Datagram): void;
  handle(event: ProtocolEvent, now: number): void;
  turnEnded(now: number, stalledMs: number): void;
  /** As the core's: its own deadlines. */
  pollTimeout(): number;
  handleTimeout(now: number): void;
}

/** After so many turns with nothing but a timer that is due again at once, the timer makes no progress. */
const IDLE_TURNS_IN_A_ROW_MAX = 300;

type Work = (node: ProtocolNode, now: number) => void;

export class Process {
  readonly sockets: Sockets;
  readonly #around: Surroundings;
  readonly #work: Work[] = [];
  #occupant: Occupant | null = null;
  #pace: Pace;
  #hasEnded = false;
  #turnAt = Infinity;
  #busyUntil = 0;
  #pausedUntil = 0;
  #stalledMs = 0;
  #idleTurns = 0;

  constructor(
    around: Surroundings,
    readonly node: ProtocolNode,
    readonly endpoint: Endpoint,
    readonly clock: LocalClock,
    pace: Pace,
  ) {
    this.#around = around;
    this.#pace = pace;
    this.sockets = new Sockets(pace.receiveBufferBytes);
  }

  start(occupant: Occupant): void {
    this.#occupant = occupant;
    this.#wakeAt(this.#around.schedule.now);
  }

  get isPaused(): boolean {
    return this.#pausedUntil > this.#around.schedule.now;
  }

  get pausedUntil(): number {
    return this.#pausedUntil;
  }

  /** Runs in the next turn, as data from a client's socket would. */
  enqueue(work: Work): void {
    this.#work.push(work);
    this.#wakeAt(this.#around.schedule.now);
  }

  receive(arrival: Arrival, datagram: Datagram): boolean {
    if (this.#hasEnded) return false;
    const taken = this.sockets.offer(arrival, datagram);
    if (taken) this.#wakeAt(this.#around.schedule.now);
    return taken;
  }

  pause(until: number): void {
    const now = this.#around.schedule.now;
    if (until <= this.#pausedUntil) return;
    this.#stalledMs += until - Math.max(now, this.#pausedUntil);
    this.#pausedUntil = until;
  }

  /** So fast it is from now on. Its receive buffers stay as they are. */
  goAt(pace: Pace): void {
    this.#pace = pace;
  }

  /** The process's clock leaps ahead. To the process this looks like a pause. */
  leap(milliseconds: number): void {
    this.clock.leap(milliseconds);
    this.#stalledMs += milliseconds;
    this.#wakeAt(this.#around.schedule.now);
  }

  end(): void {
    this.#hasEnded = true;
    this.#around.network.unbind(this.endpoint);
    this.sockets.clear();
  }

  #wakeAt(time: number): void {
    const schedule = this.#around.schedule;
    const due = Math.max(time, schedule.now, this.#busyUntil, this.#pausedUntil);
    if (due >= this.#turnAt) return;
    this.#turnAt = due;
    schedule.at(due, () => {
      if (this.#hasEnded || this.#turnAt !== due) return;
      this.#turnAt = Infinity;
      if (this.#pausedUntil > schedule.now) this.#wakeAt(this.#pausedUntil);
      else this.#turn();
    });
  }

  #turn(): void {
    const { schedule } = this.#around;
    const { node } = this;
    const now = this.clock.local(schedule.now);
    let taken = 0;
    let isIdle = true;
    if (node.pollTimeout() <= now) {
      node.handleTimeout(now);
      this.#drainEvents(now);
      const next = node.pollTimeout();
      if (next < now) throw new Violation('timers', `pollTimeout() is ${now - next} ms in the past`);
    }
    const occupant = this.#occupant;
    if (occupant !== null && occupant.pollTimeout() <= now) {
      occupant.handleTimeout(now);
      if (occupant.pollTimeout() <= now) throw new Violation('timers', 'a timeout that was handled is due');
      isIdle = false;
    }
    const worked = this.#work.length;
    for (let index = 0; index < worked; index++) {
      isIdle = false;
      this.#work[index]?.(node, now);
      this.#drainEvents(now);
      if (this.#hasEnded) return;
    }
    this.#work.splice(0, worked);
    const first: Arrival = this.#pace.ownSocketFirst ? 'own' : 'shared';
    taken += this.#read(first, now);
    taken += this.#read(first === 'own' ? 'shared' : 'own', now);
    if (this.#hasEnded) return;
    node.flush(now);
    this.#drainEvents(now);
    isIdle = !this.#transmit() && isIdle && taken === 0;
    if (this.#hasEnded) return;
    this.#occupant?.turnEnded(now, this.#stalledMs);
    this.#stalledMs = 0;
    this.#idleTurns = isIdle ? this.#idleTurns + 1 : 0;
    const cost = this.#pace.turnMs + taken * this.#pace.datagramMs;
    this.#busyUntil = schedule.now + cost;
    this.#planNextTurn(now);
  }

  #planNextTurn(now: number): void {
    const { schedule } = this.#around;
    if (!this.sockets.isEmpty || this.#work.length > 0) {
      this.#wakeAt(schedule.now);
      return;
    }
    const deadline = Math.min(this.node.pollTimeout(), this.#occupant?.pollTimeout() ?? Infinity);
    if (Number.isNaN(deadline)) throw new Violation('timers', 'pollTimeout() is not a number');
    if (this.#idleTurns > IDLE_TURNS_IN_A_ROW_MAX && deadline <= now + 1) {
      throw new Violation('timers', `busy loop: ${this.#idleTurns} turns without effect, and again at once`);
    }
    if (deadline === Infinity) return;
    this.#wakeAt(Math.max(this.clock.world(deadline), schedule.now) + this.#pace.timerLagMs);
  }

  #read(arrival: Arrival, now: number): number {
    const limit = Math.min(this.#pace.datagramsPerTurn, DATAGRAMS_PER_TURN);
    let taken = 0;
    while (taken < limit && !this.#hasEnded) {
      const datagram = this.sockets.take(arrival);
      if (datagram === undefined) break;
      taken += 1;
      this.node.handleDatagram(now, arrival, datagram.bytes, datagram.source);
      this.#occupant?.hasRead(datagram);
      this.#drainEvents(now);
      datagram.bytes.fill(0xdb);
    }
    return taken;
  }

  #drainEvents(now: number): void {
    for (;;) {
      const event = this.node.pollEvent();
      if (event === undefined) return;
      this.#occupant?.handle(event, now);
    }
  }

  #transmit(): boolean {
    const { network, station, trace, schedule } = this.#around;
    let any = false;
    for (;;) {
      const transmit = this.node.pollTransmit();
      if (transmit === undefined) return any;
      any = true;
      trace.number(schedule.now);
      trace.datagram(transmit.bytes);
      network.send(station, this.endpoint, transmit);
    }
  }
}
